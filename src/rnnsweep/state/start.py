"""The start of a sweep: its folder, the snapshot of what it was asked, and what has changed since."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from rnnsweep.errors import UserError
from rnnsweep.paths import MACHINES, PACKAGE
from rnnsweep.safety.shell import run_command
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Sweep

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
# what decides a score, for warm starts
_MODEL = ("networks", "data", "optim", "tasks", "training", "config", "runtime")
_CODE = (*_MODEL, "launchers", "trial", "baseline.py")


def begin(
    sweep: Sweep,
    *,
    mlruns: Path,
    conf: Path,
    corpus: str,
    corpus_note: str = "",
    vectors: Mapping[str, str] | None = None,
    files: Sequence[str] = (),
    own_code: Sequence[Path] = (),
    conf_changes: Callable[[], Sequence[str]] = tuple,
    accept_changes: bool = False,
) -> str:
    """Make the sweep's folder, or find it again and compare what it was started from with what is there now.

    A sweep that is finished may be shown again with other code: nothing of it is trained any more.

    Args:
        sweep: what is asked.
        mlruns: the folder of results.
        conf: the configuration files.
        corpus: digest of the rows.
        corpus_note: why it is another one than at the start, where that is known.
        vectors: digest of each file of word vectors.
        files: digests of the files of rows, for comparisons over corpora.
        own_code: files of the project that are run, as its own cells.
        conf_changes: called where files of `conf` changed; returns what the sweep's runs take from them.
        accept_changes: go on whatever changed.

    Returns:
        The sweep's identity.

    Raises:
        UserError: the question, the corpus, the configuration or the code changed, and nobody accepted it.
    """
    folder = SweepFolder.of(mlruns, sweep.name)
    now = _origin(sweep, conf=conf, corpus=corpus, vectors=vectors or {}, own_code=own_code)
    now["files"] = list(files)
    before = folder.start()
    if before is None:
        before = {**now, "identity": uuid.uuid4().hex[:8], "accepted": []}
        folder.keep_question(sweep.text, conf)
        folder.write_start(before)
    elif changes := _changes(before, now, corpus_note, conf_changes):
        if not accept_changes:
            if before["asked"] == now["asked"] and _is_finished(folder, sweep):
                return str(before["identity"])
            raise UserError(_refusal(sweep, changes, file=before["asked"] != now["asked"]))
        before = {**before, **now, "accepted": [*before.get("accepted", []), *changes]}
        folder.keep_question(sweep.text, conf)
        folder.write_start(before)
    return str(before["identity"])


def refusal_of(sweep: Sweep, folder: SweepFolder) -> str | None:
    """Return why a file no longer starts the sweep that it started, or None where it does.

    Only the file is compared; corpus, configuration and code are when the sweep starts.
    """
    before = folder.start()
    changes = [] if before is None else list(_differences("", before["asked"], _asked(sweep)))
    return _refusal(sweep, changes) if changes else None


def _is_finished(folder: SweepFolder, sweep: Sweep) -> bool:
    """Return whether an earlier controller came to the end of what is asked for now."""
    opened = [event for event in folder.events() if event["event"] == "open"]
    if not opened or folder.last_state() != "finished":
        return False
    budget = {key: value for key, value in budget_of(sweep).items() if value or key != "more"}
    return all(opened[-1].get(key) == value for key, value in budget.items())


def budget_of(sweep: Sweep) -> dict[str, Any]:
    """Return what decides when a sweep is finished."""
    names = ("trials", "seconds", "epochs", "stop_after", "target", "replicates", "baseline")
    own = {"architectures": list(sweep.architectures), "more": dict(sweep.more)}
    return {name: getattr(sweep, name) for name in names} | own


def options_of(sweep: Sweep) -> list[str]:
    """Return the options of the command line that a sweep was started with in place of its file's words."""
    said = (yaml.safe_load(sweep.text) or {}).get("trials")
    return [] if sweep.trials in (None, said) else ["--trials", str(sweep.trials)]


def _origin(
    sweep: Sweep, *, conf: Path, corpus: str, vectors: Mapping[str, str], own_code: Sequence[Path]
) -> dict[str, Any]:
    return {
        "asked": _asked(sweep),
        "corpus": corpus,
        "vectors": dict(vectors),
        "configuration": _digest(conf, "*.yaml"),
        "code": code_digest(PACKAGE, own_code),
        "model": _digest(PACKAGE, "*.py", inside=_MODEL, beside=own_code),
    }


def _asked(sweep: Sweep) -> dict[str, Any]:
    """Return what a file says of what its trials mean."""
    values = yaml.safe_load(sweep.text) or {}
    settings = {key: value for key, value in values.items() if key not in FREE}
    asked: dict[str, Any] = json.loads(json.dumps(settings, default=str))
    return asked


def code_digest(package: Path, own_code: Sequence[Path] = ()) -> str:
    """Return the digest of the code that a trial runs, and of files of the project beside it."""
    return _digest(package, "*.py", inside=_CODE, beside=own_code)


def _digest(folder: Path, pattern: str, inside: tuple[str, ...] = (), beside: Sequence[Path] = ()) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob(pattern)):
        place = path.relative_to(folder)
        if place.parts[0] != MACHINES and (not inside or place.parts[0] in inside):
            digest.update(str(place).encode() + b"\0" + path.read_bytes())
    for path in beside:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _changes(
    before: dict[str, Any],
    now: dict[str, Any],
    corpus_note: str,
    conf_changes: Callable[[], Sequence[str]],
) -> list[str]:
    changes = list(_differences("", before["asked"], now["asked"]))
    if before["configuration"] != now["configuration"]:
        changes += conf_changes()
    for key, note in (("corpus", corpus_note), ("code", "")):
        if before[key] != now[key]:
            changes.append(f"{key} changed ({before[key][:8]} became {now[key][:8]}){note}")
    earlier = before.get("vectors", {})  # not kept by an earlier version
    for name in sorted(earlier.keys() & now["vectors"].keys()):
        if earlier[name] != now["vectors"][name]:
            digests = f"{earlier[name][:8]} became {now['vectors'][name][:8]}"
            changes.append(f"data.vectors={name!r} changed ({digests})")
    return changes


def _differences(path: str, old: Any, new: Any) -> Iterator[str]:
    """Yield each difference at its own key, as ``space.optimizer.lr.high: 2e-2 became 3e-2``."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differences(f"{path}.{key}".lstrip("."), old.get(key), new.get(key))
        return
    if isinstance(old, list) and isinstance(new, list):
        gone = [_short(one) for one in old if one not in new]
        added = [_short(one) for one in new if one not in old]
        if len(gone) != 1 or len(added) != 1:
            words = [*(f"{one} removed" for one in gone), *(f"{one} added" for one in added)]
            yield f"{path}: {', '.join(words) or 'another order'}"
            return
        old, new = gone[0], added[0]
    yield f"{path}: {_short(old)} became {_short(new)}"


def _short(value: Any) -> str:
    text = "not set" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _refusal(sweep: Sweep, changes: list[str], *, file: bool = True) -> str:
    """Return what changed, and what to do; `file` is whether anything of the sweep's own file did."""
    changed = (
        f"{sweep.path}: changed since sweep {sweep.name!r} started"
        if file
        else f"sweep {sweep.name!r}: changed since it started"
    )
    return (
        f"{changed}: {'; '.join(changes)}."
        " Undo it, give the sweep another `name:`, or accept it with"
        f" {run_command('sweep', sweep.name, '--accept-changes')}"
    )
