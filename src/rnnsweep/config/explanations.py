"""What each key of a run is: its type, what it may be, its default, its meaning and an example."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from rnnsweep.config.composing import compose
from rnnsweep.config.files import conf_folders, options
from rnnsweep.config.foreign_keys import instead_of
from rnnsweep.config.schema import GROUPS, RunSchema, about_keys, known_keys, nearest_key, right_type
from rnnsweep.errors import UserError, nearest
from rnnsweep.settings import Explanation
from rnnsweep.tasks import specs

_GROUPS = {
    "task": "what is learnt",
    "data": "which rows are read",
    "model": "which architecture is trained",
    "optimizer": "how the weights are updated",
    "trainer": "how long and on what a run trains",
    "tracking": "where runs are recorded",
    "experiment": "settings of several groups under one name",
}


_SCORED = ("objective", "trainer.monitor")  # keys that name a score


def explain_run_keys() -> dict[str, Explanation]:
    """Return the explanation of every key of a run: the groups of conf/, then the keys that hold a value."""
    return {one.key: one for one in (*_groups(), *_keys())}


def explain_key(key: str) -> list[Explanation]:
    """Return what a key of a run, a sweep file or a machine's file is; one that two have is explained twice.

    A searched key of a sweep file is explained as ``space.optimizer.lr.low``; an option of a sampler or a
    pruner as ``sampler.tpe.group``, or as the file has it, ``sampler.group``; a key of a file of
    conf/machine/ as ``machine.engine``.

    Raises:
        UserError: none has such a key; the message names the nearest.
    """
    from rnnsweep.machine import explain_machine_keys
    from rnnsweep.sweepfile.explanations import explain_sweep_keys

    run, sweep, machine = explain_run_keys(), explain_sweep_keys(), explain_machine_keys()
    name = key.strip().removeprefix("+").partition("=")[0]
    explained = [keys[name] for keys in (run, sweep, machine) if name in keys]
    if name in _SCORED:
        explained = [replace(one, meaning=f"{one.meaning}; {_say_scores()}") for one in explained]
    explained = explained or _of_space(name, run, sweep) or _of_method(name, sweep)
    if explained:
        return explained
    hints = [nearest(name, [*run, *sweep, *machine]), nearest_key(name)]
    if name.partition(".")[0] in GROUPS:  # as of a run, whose keys have other tools' names too
        hints.reverse()
    hint = instead_of(name) or hints[0] or hints[1]
    raise UserError(
        f"{key}: no such key of a run or of a sweep file.{hint} `rnnsweep config` lists those of a run"
    )


def _say_scores() -> str:
    """Return the scores that there are, by task; those of other distributions are among them."""
    of_tasks = {name: ", ".join(score.name for score in spec.scores) for name, spec in specs().items()}
    return "; ".join(f"with task={name}: {scores}" for name, scores in of_tasks.items())


def _of_space(key: str, run: dict[str, Explanation], sweep: dict[str, Explanation]) -> list[Explanation]:
    searched = key.removeprefix("space.")
    if searched == key:
        return []
    if searched in run:
        return [run[searched]]
    above, _, last = searched.rpartition(".")
    one = sweep.get(f"space.KEY.{last}")
    return [replace(one, key=key)] if one and above in run else []


def _of_method(key: str, sweep: dict[str, Explanation]) -> list[Explanation]:
    kind, _, option = key.partition(".")
    if kind not in ("sampler", "pruner") or not option or "." in option:
        return []
    return [one for name, one in sweep.items() if name.startswith(f"{kind}.") and name.endswith(f".{option}")]


def _groups() -> Iterator[Explanation]:
    folders = conf_folders()
    chosen = compose([]).choices
    for group in GROUPS:
        names = list(options(group, folders))
        example = next((name for name in names if name != chosen.get(group)), chosen.get(group, ""))
        yield Explanation(
            group,
            f"a file of conf/{group}/ by its name" + (", or null" if group == "experiment" else ""),
            names,
            chosen.get(group),
            f"{_GROUPS[group]}: sets the keys {group}.* to the values of that file"
            if group != "experiment"
            else _GROUPS[group],
            example,
            null="takes none" if group == "experiment" else "",
        )


def _keys() -> Iterator[Explanation]:
    defaults = RunSchema()
    for key, about in about_keys().items():
        section, _, name = key.rpartition(".")
        default = getattr(getattr(defaults, section) if section else defaults, name)
        is_flag = known_keys()[key] is bool
        limited = f" (read by data={' and data='.join(about.corpora)})" if about.corpora else ""
        yield Explanation(
            key,
            right_type(key),
            [False, True] if is_flag else list(about.choices) or None,
            default,
            about.meaning + limited,
            about.example,
            about.within.words if about.within else "",
            about.null,
        )


def values_of(key: str) -> list[str]:
    """Return the values that a shell offers after ``key=``."""
    if key in GROUPS:
        return list(options(key, conf_folders()))
    about: Any = about_keys().get(key)
    if about is None:
        return []
    if known_keys()[key] is bool:
        return ["false", "true"]
    return [*about.choices, *about.suggestions, *(["null"] if about.null else [])]
