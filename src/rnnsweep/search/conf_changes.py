"""What the files of conf/ say of a sweep's runs, at its start and now."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnsweep.config.composing import Setting, origins, recorded_settings
from rnnsweep.errors import UserError
from rnnsweep.search.space import corners_of, write_overrides
from rnnsweep.sweepfile import Sweep


def say_conf_changes(sweep: Sweep, *, before: Path, now: Path) -> list[str]:
    """Return each setting to which the files of conf/ give another value than at the start, and the file.

    Files that no run of the sweep is composed of may change. What the sweep searches or sets itself is not
    compared, as its runs do not take it from conf/.

    Args:
        sweep: whose architectures, settings and space are composed.
        before: the copy of conf/ of the start.
        now: conf/ as it is.
    """
    lines: dict[str, None] = {}  # several architectures share a file
    with recorded_settings():
        for overrides in _runs(sweep):
            after = origins(overrides, conf=now)
            try:
                earlier = origins(overrides, conf=before)
            except UserError as error:
                return [f"conf/ changed, and its copy of the start cannot be read: {error}"]
            values = {each.key: each for each in earlier}
            lines |= {
                _line(values[each.key], each, before, now): None
                for each in after
                if each.key in values and each.value != values[each.key].value
            }
    return list(lines)


def _runs(sweep: Sweep) -> list[Sequence[str]]:
    return [
        write_overrides(sweep, name, values, threads=1)
        for name in sweep.architectures
        for values in list(corners_of(sweep.dimensions(name))) or [{}]
    ]


def _line(was: Setting, is_now: Setting, before: Path, now: Path) -> str:
    """Write one setting, with the file that gives its value, or the one that gave it and does no longer."""
    origin, folder = (is_now.origin, now) if is_now.origin.path else (was.origin, before)
    file = f"conf/{origin.path.relative_to(folder.absolute()).as_posix()}" if origin.path else str(origin)
    return f"{is_now.key}: {_shown(was.value)} became {_shown(is_now.value)} ({file})"


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)
