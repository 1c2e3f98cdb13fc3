"""A sweep that a command line asks without a file: the file that it amounts to is kept beside the others."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from typing import Any

from rnnsweep.api.project.new_project import WIDTH
from rnnsweep.api.project.test_share import FEW_TEST_ROWS, share_of_overrides
from rnnsweep.errors import UserError
from rnnsweep.files import write_whole
from rnnsweep.paths import find_paths
from rnnsweep.safety.shell import run_command
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import read_sweep
from rnnsweep.sweepfile.model import SweepFile

TRIALS = 20  # of each architecture, where nothing says how many


@contextmanager
def asked_file(question: str | Path | Sequence[str], **how: Any) -> Iterator[str | Path]:
    """Yield a sweep's file or name as it is, and the file that `write_asked` makes of overrides.

    A file that is new goes again where the sweep is refused before it starts.

    Args:
        question: a file, a name, or overrides.
        how: as for `write_asked`.
    """
    if isinstance(question, str | Path):
        yield question
        return
    before = set(find_paths().sweeps[0].glob("*.yaml"))
    path = write_asked(question, **how)
    try:
        yield path
    except UserError:
        if path not in before and not SweepFolder.of(find_paths().mlruns, path.stem).is_started:
            path.unlink(missing_ok=True)
        raise


def write_asked(
    overrides: Sequence[str], *, trials: int | None = None, grid: bool = False, name: str | None = None
) -> Path:
    """Write the sweep file that overrides with several values amount to.

    The same overrides give the same file, so that the same command resumes its sweep.

    Args:
        overrides: by Hydra's sweep grammar, as ``model=lstm,gru`` and ``optimizer.lr=interval(1e-3,1e-2)``.
        trials: budget of each architecture; None: the points of a grid, else 20.
        grid: train every combination once, without replicates and baseline.
        name: of the sweep and its file; None: made from the overrides.

    Returns:
        The path of the file.

    Raises:
        UserError: an override that cannot be read, a grid of a range, another sweep of this name.
    """
    from rnnsweep.config import compose
    from rnnsweep.config.grammar import read_asked_space

    asked = read_asked_space(overrides)
    keys: dict[str, Any] = {
        "architectures": asked.architectures or [compose(asked.overrides).architecture],
        **({"overrides": asked.overrides} if asked.overrides else {}),
        "space": asked.space,
    }
    if grid:
        points = _points(asked.space)
        keys |= {"sampler": "grid", "pruner": "none", "replicates": 0, "baseline": False}
        trials = points if trials is None else trials
    digest = hashlib.sha256(repr(sorted(keys.items())).encode()).hexdigest()[:8]
    name = name or f"{'grid' if grid else 'asked'}-{digest}"
    path = find_paths().sweeps[0] / f"{name}.yaml"
    if path.is_file():
        return _same(path, keys)
    share = None if grid else share_of_overrides(asked.overrides)  # a grid tests nothing
    if share:
        keys["overrides"] = [*asked.overrides, share]
    text = _text(name, keys, trials or TRIALS, overrides, share)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode())
    try:
        read_sweep(path)
    except UserError:
        path.unlink()
        raise
    return path


def _points(space: dict[str, Any]) -> int:
    for key, entry in space.items():
        if not isinstance(entry, list):
            raise UserError(f"{key}: a grid takes values, as {key}=0.001,0.01; a range needs: rnnsweep sweep")
    return math.prod(len(entry) for entry in space.values())


def _text(name: str, keys: dict[str, Any], trials: int, overrides: Sequence[str], share: str | None) -> str:
    import yaml

    values = {"name": name, "trials": trials, **keys}
    body = yaml.safe_dump(values, sort_keys=False, default_flow_style=None, allow_unicode=True, width=WIDTH)
    lines = wrap(f"{share} is added: {FEW_TEST_ROWS}", WIDTH - 2) if share else []
    added = "".join(f"# {line}\n" for line in lines)
    plan = f"# time, and what shortens it: {run_command('plan', name)}\n"
    return f"# {' '.join(' '.join(overrides).split())}\n{plan}{added}{body}"


def _same(path: Path, keys: dict[str, Any]) -> Path:
    """Return a file that asks the same; its budget may differ, as a command line may raise it."""
    import yaml

    known = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    own = {key: value for key, value in known.items() if key in SweepFile.model_fields}
    settings = own.get("overrides")
    if isinstance(settings, list) and "overrides" in keys:  # a share that was added is none of the command
        own["overrides"] = [one for one in settings if one in keys["overrides"] or not _is_share(one)]
    if {key: own.get(key) for key in keys} != keys:
        raise UserError(f"{path}: asks something else; give another --name")
    return path


def _is_share(setting: Any) -> bool:
    return isinstance(setting, str) and setting.startswith("data.test_share=")
