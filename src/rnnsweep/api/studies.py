"""Whole studies: a sweep's search again with other seeds, each a sweep of its own beside the first."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from rnnsweep.errors import UserError
from rnnsweep.sweep import Sweep

if TYPE_CHECKING:
    from rnnsweep.api.results import SweepResult

APART = 1000  # between the seeds of two studies: replicates take the ones that follow a seed
_OWN = re.compile(r"""["']?(name|seed|replicates|baseline)["']?\s*:""")
_SAME = ("corpus", "configuration", "model")  # what must be the same where two searches are to be one kind


def run_studies(
    asked: Sweep,
    run: "Callable[[Sweep, bool], SweepResult]",
    *,
    studies: int,
    tell: Callable[[str], None] | None = None,
) -> "SweepResult":
    """Run a sweep, then its further studies; what is done already is not done again.

    Args:
        asked: the sweep as its file says.
        run: runs one sweep, or goes on with it, and compares what came out where the second says so.
        studies: whole searches in all.
        tell: hears which study begins.
    """
    result = run(asked, studies == 1)
    say = tell or (lambda text: None)
    for number in range(2, studies + 1):
        if result.state != "finished":
            return result
        one = another_study(asked, number)
        say(f"study {number} of {studies}: sweep {one.name}, seed {one.seed}")
        result = run(one, False)
    return _told(result, asked.name) if studies > 1 and result.state == "finished" else result


def _told(result: "SweepResult", name: str) -> "SweepResult":
    """The answer is the first study's, which has the replicates; its curves rest on all."""
    from rnnsweep.api.answers import compare

    return replace(result, sweep=name, comparison=compare(name))


def another_study(asked: Sweep, number: int) -> Sweep:
    """Give the sweep that repeats a search as its study `number`: other seed, no replicates, no baseline.

    Raises:
        UserError: the file does not write its keys one a line, so its text cannot be changed.
    """
    own: dict[str, Any] = {
        "name": f"{asked.name}.study-{number}",
        "seed": asked.seed + APART * (number - 1),
        "replicates": 0,
        "baseline": False,
    }
    kept = [line for line in asked.text.splitlines() if not _OWN.match(line)]
    text = "\n".join([*kept, *(f"{key}: {json.dumps(value)}" for key, value in own.items())]) + "\n"
    _check(text, own, asked.path)
    return replace(asked, text=text, **own)


def _check(text: str, own: dict[str, Any], path: Path) -> None:
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError:
        values = {}
    if any(values.get(key) != value for key, value in own.items()):
        raise UserError(
            f"{path}: --studies: write {', '.join(own)} on a line of their own each, as `seed: 0`"
        )


def further_studies(mlruns: Path, name: str) -> list[str]:
    """Name the finished sweeps that asked the same as this one with another seed, one for each seed.

    They were made by ``rnnsweep sweep NAME --studies``, or by hand from a copy of the file.
    """
    seeds = dict(_studies(mlruns / "sweeps", name))
    own = _seed(mlruns / "sweeps" / name)
    return sorted(found for seed, found in seeds.items() if seed != own)


def _studies(folder: Path, name: str) -> Iterator[tuple[int, str]]:
    asked = _kind(folder / name)
    if asked is None:
        return
    for other in sorted(folder.iterdir()):
        same = other.name != name and _kind(other) == asked
        if same and _finished(other):
            yield _seed(other), other.name


def _kind(folder: Path) -> dict[str, Any] | None:
    """What two studies of one search have in common: all but seed, name and budget."""
    from rnnsweep.study.start import read_start

    start = read_start(folder)
    if start is None:
        return None
    asked = {key: value for key, value in start["asked"].items() if key != "seed"}
    return {"asked": asked, **{key: start.get(key) for key in _SAME}}


def _finished(folder: Path) -> bool:
    """Say whether the last controller came to its end: half a search is no whole study."""
    from rnnsweep.study.ledger import read_ledger

    events = [event for event in read_ledger(folder) if event["event"] in ("open", "close")]
    return bool(events) and events[-1].get("state") == "finished"


def _seed(folder: Path) -> int:
    from rnnsweep.study.start import read_start

    start = read_start(folder)
    return int(start["asked"].get("seed", 0)) if start else 0
