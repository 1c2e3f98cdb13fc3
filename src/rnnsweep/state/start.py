"""The start of a sweep: its folder, the snapshot of what it was asked, and what has changed since."""

import hashlib
import json
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rnnsweep.errors import UserError
from rnnsweep.paths import PACKAGE
from rnnsweep.state.ledger import read_ledger
from rnnsweep.sweepfile import Sweep

START = "start.json"
# what may be raised or lowered between two calls without changing what any trial means
FREE = (
    "name",
    "trials",
    "seconds",
    "epochs",
    "stop_after",
    "target",
    "replicates",
    "slots",
    "launcher",
    "retries",
    "time_limit",
    "baseline",
)
_CODE = ("networks", "data", "classifier", "training", "fused", "trial", "baseline.py", "baseline")
_MODEL = ("networks", "data", "classifier", "training")  # what decides a score, for warm starts


@dataclass(frozen=True)
class Start:
    """A sweep's folder and what it was started from."""

    folder: Path
    identity: str
    conf: Path


def sweep_folder(mlruns: Path, name: str) -> Path:
    """Give the folder of a sweep."""
    return mlruns / "sweeps" / name


def begin(sweep: Sweep, *, mlruns: Path, conf: Path, corpus: str, accept_changes: bool = False) -> Start:
    """Make the sweep's folder, or find it again and compare what it was started from with what is there now.

    A sweep that is finished may be shown again with other code: nothing of it is trained any more.

    Raises:
        UserError: the question, the corpus, the configuration or the code changed, and nobody accepted it.
    """
    folder = sweep_folder(mlruns, sweep.name)
    now = _origin(sweep, conf=conf, corpus=corpus)
    before = read_start(folder)
    if before is None:
        before = {**now, "identity": uuid.uuid4().hex[:8], "accepted": []}
        _snapshot(folder, sweep, conf)
        _write(folder, before)
    elif changes := _changes(before, now):
        if not accept_changes:
            if before["asked"] == now["asked"] and _is_finished(folder, sweep):
                return Start(folder, before["identity"], folder / "conf")
            raise UserError(_refusal(sweep, changes))
        before = {**before, **now, "accepted": [*before.get("accepted", []), *changes]}
        _snapshot(folder, sweep, conf)
        _write(folder, before)
    return Start(folder, before["identity"], folder / "conf")


def read_start(folder: Path) -> dict[str, Any] | None:
    """Read what a sweep was started from; None where it never was."""
    try:
        return dict(json.loads((folder / START).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _is_finished(folder: Path, sweep: Sweep) -> bool:
    """Say whether an earlier controller came to the end of what is asked for now."""
    events = [event for event in read_ledger(folder) if event["event"] in ("open", "close")]
    opened = [event for event in events if event["event"] == "open"]
    if not opened or events[-1].get("state") != "finished":
        return False
    wanted = {key: value for key, value in budget_of(sweep).items() if value or key != "more"}
    return all(opened[-1].get(key) == value for key, value in wanted.items())


def budget_of(sweep: Sweep) -> dict[str, Any]:
    """Give what decides when a sweep is finished."""
    names = ("trials", "seconds", "epochs", "stop_after", "target", "replicates", "baseline")
    own = {"architectures": list(sweep.architectures), "more": dict(sweep.more)}
    return {name: getattr(sweep, name) for name in names} | own


def _origin(sweep: Sweep, *, conf: Path, corpus: str) -> dict[str, Any]:
    values = yaml.safe_load(sweep.text) or {}
    asked = {key: value for key, value in values.items() if key not in FREE}
    return {
        "asked": json.loads(json.dumps(asked, default=str)),
        "corpus": corpus,
        "configuration": _digest(conf, "*.yaml"),
        "code": _digest(PACKAGE, "*.py", inside=_CODE),
        "model": _digest(PACKAGE, "*.py", inside=_MODEL),
    }


def _digest(folder: Path, pattern: str, inside: tuple[str, ...] = ()) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob(pattern)):
        place = path.relative_to(folder)
        if not inside or place.parts[0] in inside:
            digest.update(str(place).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    changes = []
    for key in sorted({*before["asked"], *now["asked"]}):
        old, new = before["asked"].get(key), now["asked"].get(key)
        if old != new:
            changes.append(f"{key}: {_short(old)} became {_short(new)}")
    for key in ("corpus", "configuration", "code"):
        if before[key] != now[key]:
            changes.append(f"{key} changed ({before[key][:8]} became {now[key][:8]})")
    return changes


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _refusal(sweep: Sweep, changes: list[str]) -> str:
    return (
        f"{sweep.path}: changed since sweep {sweep.name!r} started: {'; '.join(changes)}."
        " Undo it, give the sweep another `name:`, or go on with --accept-changes"
    )


def _snapshot(folder: Path, sweep: Sweep, conf: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sweep.yaml").write_text(sweep.text, encoding="utf-8")
    part = folder / "conf.part"
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(conf, part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(folder / "conf", ignore_errors=True)
    part.rename(folder / "conf")


def _write(folder: Path, values: dict[str, Any]) -> None:
    part = folder / f"{START}.part"
    part.write_text(json.dumps(values, indent=1), encoding="utf-8")
    part.replace(folder / START)
