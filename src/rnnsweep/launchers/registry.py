"""The launchers by name: a package of this folder, or an entry point of another distribution.

A launcher of this folder is a package whose ``__init__`` has a `LauncherSpec` called ``SPEC``. Another
distribution offers one under the entry point group ``rnnsweep.launchers``.
"""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeAlias

from rnnsweep.errors import UserError, nearest
from rnnsweep.machine import Machine
from rnnsweep.sweepfile import Method, Sweep
from rnnsweep.sweepfile.slots import Places
from rnnsweep.trial import Launcher

GROUP = "rnnsweep.launchers"
LOCAL = Method("local")

# on(machine, sweep, slots): `slots` are those of the command line, which come before the machine's
Engine: TypeAlias = Callable[[Machine, Sweep, str | int | None], Launcher]
Reader: TypeAlias = Callable[[Any], Any]  # returns an option's value; ValueError names what would be right


@dataclass(frozen=True)
class LauncherSpec:
    """One launcher: how it is made, and which sweeps it cannot run."""

    make: Callable[..., Launcher]  # make(slots, **options); imports what it needs when it is called
    options: Mapping[str, Reader] = field(default_factory=dict)
    misfit: Callable[[Sweep], str | None] = lambda sweep: None  # why it cannot run a sweep; None where it can
    on: "Engine | None" = None  # makes the launcher of a machine's file; None: it is no engine of machines
    # refuses a machine whose engine or locker does not answer, within seconds
    reach: Callable[[Machine], None] = lambda machine: None
    per_slot: Callable[[Mapping[str, Any]], int] = lambda options: 1  # tasks at a time in each slot
    is_listed: bool = True  # messages offer it
    # what `make` takes beside the options, as it follows from the sweep
    for_sweep: Callable[[Sweep], Mapping[str, Any]] = lambda sweep: {}
    # ahead(**options): begins what takes long and needs no slots, some seconds before `make`, and returns
    # what ends it where the sweep does not begin
    ahead: Callable[..., Callable[[], object]] = lambda **options: lambda: None


def parse_launcher(text: str) -> Method:
    """Read what a command line names: ``local``, or ``fused:fuse=8`` with options.

    Raises:
        UserError: an option without a value.
    """
    name, _, rest = text.partition(":")
    pairs = [pair.partition("=") for pair in rest.split(",") if pair]
    if not name.strip() or any(not (key and sign and value) for key, sign, value in pairs):
        raise UserError(f"launcher={text!r}: must be a name, or a name with options as `fused:fuse=8`")
    return Method(name.strip(), {key.strip(): value.strip() for key, _, value in pairs})


def make_launcher(sweep: Sweep, slots: Places) -> Launcher:
    """Make the launcher that a sweep asks for; `slots` are the launcher's to read.

    Raises:
        UserError: no such launcher or option, a wrong value, or a sweep that the launcher cannot run.
    """
    return check_launcher(sweep)(slots)


def check_engine(machine: Machine) -> Engine:
    """Return what makes the launcher of a machine's file.

    Raises:
        UserError: its engine is no launcher, or one that runs trials on this machine alone.
    """
    names = engine_names()
    if machine.engine not in names:
        hint = nearest(machine.engine, names)
        raise UserError(f"{machine.path}: engine={machine.engine!r} is not one of {', '.join(names)}.{hint}")
    engine = _find(machine.engine).on
    assert engine is not None
    return engine


def reach_engine(machine: Machine) -> None:
    """Contact what a machine's file names, before anything that takes long.

    Raises:
        UserError: it does not answer, or `check_engine` refuses the file.
    """
    check_engine(machine)
    _find(machine.engine).reach(machine)


def engine_names() -> list[str]:
    """Return the names of the launchers that a machine's file may name."""
    return [name for name in launcher_names() if _find(name).on is not None]


def check_launcher(sweep: Sweep) -> Callable[[Places], Launcher]:
    """Check what a sweep says of its launcher; return what makes it of slots.

    Raises:
        UserError: no such launcher or option, a wrong value, or a sweep that the launcher cannot run.
    """
    spec, options = _fitting(sweep)
    return partial(spec.make, **options)


def start_ahead(sweep: Sweep) -> Callable[[], object]:
    """Begin what a sweep's launcher can begin before it is made; return what ends that.

    Raises:
        UserError: as of `check_launcher`.
    """
    spec, options = _fitting(sweep)
    return spec.ahead(**options)


def _fitting(sweep: Sweep) -> tuple[LauncherSpec, dict[str, Any]]:
    """Return a sweep's launcher, and all that it is made with beside the slots."""
    name, spec, options = _asked(sweep.launcher or LOCAL)
    if reason := spec.misfit(sweep):
        raise UserError(f"launcher {name!r}: {reason}")
    return spec, {**options, **spec.for_sweep(sweep)}


def make_method(asked: Method, slots: str | int | None) -> Launcher:
    """Make a launcher by its name and options, as an agent does whose controller has checked them.

    Raises:
        UserError: no such launcher or option, or a wrong value.
    """
    _, spec, options = _asked(asked)
    return spec.make(slots, **options)


def tasks_per_slot(asked: Method) -> int:
    """Return how many tasks at a time a launcher runs in each of its slots.

    Raises:
        UserError: no such launcher or option, or a wrong value.
    """
    _, spec, options = _asked(asked)
    return spec.per_slot(options)


def _asked(asked: Method) -> tuple[str, LauncherSpec, dict[str, Any]]:
    name = asked.name or _named_by(asked.options)
    spec = _find(name)
    return name, spec, {key: _value(name, spec, key, value) for key, value in asked.options.items()}


def launcher_names() -> list[str]:
    """Return the names of all launchers that a user may name."""
    own = (name for name in _own() if _find(name).is_listed)
    return sorted({*own, *(entry.name for entry in entry_points(group=GROUP))})


def _own() -> list[str]:
    """List the launchers of this folder: its packages with a specification."""
    names = [each.name for each in pkgutil.iter_modules([str(Path(__file__).parent)]) if each.ispkg]
    return [name for name in names if hasattr(import_module(f"rnnsweep.launchers.{name}"), "SPEC")]


def _find(name: str) -> LauncherSpec:
    if name in _own():  # without a look at what is installed, which takes some time
        return _checked(name, import_module(f"rnnsweep.launchers.{name}").SPEC)
    for entry in entry_points(group=GROUP, name=name):
        return _checked(name, entry.load())
    known = launcher_names()
    raise UserError(f"launcher={name!r} is not one of {', '.join(known)}.{nearest(name, known)}")


def _checked(name: str, spec: object) -> LauncherSpec:
    if not isinstance(spec, LauncherSpec):
        raise UserError(f"launcher={name!r}: its entry point must name a rnnsweep.launchers.LauncherSpec")
    return spec


def _named_by(options: Mapping[str, Any]) -> str:
    """Name the launcher of a section without a name: ``{fuse: 8}`` has an option of one alone."""
    for name in _own() if options else ():
        if set(options) <= set(_find(name).options):
            return name
    if not options:
        return LOCAL.name
    known = sorted(key for name in _own() for key in _find(name).options)
    key = next(iter(options))
    raise UserError(
        f"launcher: unknown key {key!r}: known are name, {', '.join(known)}.{nearest(key, ['name', *known])}"
    )


def _value(name: str, spec: LauncherSpec, key: str, value: Any) -> Any:
    if key not in spec.options:
        known = ", ".join(spec.options) or "none"
        raise UserError(
            f"launcher {name!r}: unknown option {key!r}: known are {known}.{nearest(key, list(spec.options))}"
        )
    try:
        return spec.options[key](value)
    except ValueError as error:
        raise UserError(f"launcher {name!r}: {key}={value!r}: must be {error}") from None
