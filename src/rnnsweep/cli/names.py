"""What a shell completes: names of sweeps and machines, overrides, keys."""

from collections.abc import Iterable, Sequence

import click
from click.shell_completion import CompletionItem

from rnnsweep.paths import find_paths


def sweep_names() -> list[str]:
    """Return the names of the files of sweeps/."""
    return sorted({file.stem for folder in find_paths().sweeps for file in folder.glob("*.yaml")})


def complete_question(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the names of sweeps/, and paths."""
    return _names_or_path(sweep_names(), incomplete)


def complete_sweep(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the names of mlruns/sweeps/, and paths."""
    from rnnsweep.state.folder import SweepFolder

    started = (folder.name for folder in SweepFolder.every(find_paths().mlruns))
    return _names_or_path(started, incomplete)


def _names_or_path(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    items = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return items or [CompletionItem(incomplete, type="file")]


def complete_machine(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the names of conf/machine/."""
    from rnnsweep.machine import machine_names

    return [name for name in machine_names() if name.startswith(incomplete)]


def complete_overrides(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete ``mod`` to ``model=`` and model's keys, and ``model=`` to the files of conf/model.

    ``model.pooling=`` is completed to the values that it may have.
    """
    group, sign, begun = incomplete.partition("=")
    before: Sequence[str] = ctx.params.get(param.name or "") or ()
    if sign and group:
        return [f"{group}={name}" for name in _values(group, begun)]
    # bash breaks words at "=": "model" "=" "gr"; click makes nothing of a last "="
    if before and "=" not in before[-1]:
        return _values(before[-1], "")
    if len(before) > 1 and before[-1] == "=":
        return _values(before[-2], incomplete)
    return [f"{key}=" for key in _keys() if key.startswith(incomplete)]


def complete_corpus(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete names of sweeps at first, then overrides."""
    names = () if ctx.params.get(param.name or "") else sweep_names()
    found = (name for name in names if name.startswith(incomplete))
    return [*found, *complete_overrides(ctx, param, incomplete)]


def complete_key(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the keys of a run, of a sweep file and of a machine's file."""
    from rnnsweep.machine import explain_machine_keys
    from rnnsweep.sweepfile.explanations import explain_sweep_keys

    known = dict.fromkeys([*_keys(), *explain_sweep_keys(), *explain_machine_keys()])
    return [key for key in known if key.startswith(incomplete)]


def _values(key: str, begun: str) -> list[str]:
    from rnnsweep.config.explanations import values_of

    return [value for value in values_of(key.lstrip("+")) if value.startswith(begun)]


def _keys() -> list[str]:
    from rnnsweep.config import GROUPS, known_keys

    return [*GROUPS, *known_keys()]


overrides_argument = click.argument(
    "overrides", nargs=-1, shell_complete=complete_overrides, metavar="[KEY=VALUE]..."
)
