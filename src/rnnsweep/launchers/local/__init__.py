"""Trials as processes of this machine, one in each slot."""

from collections.abc import Callable

from rnnsweep.errors import UserError
from rnnsweep.launchers.registry import LauncherSpec, make_launcher
from rnnsweep.machine import Machine, Share
from rnnsweep.sweepfile import Sweep
from rnnsweep.sweepfile.slots import Places, default_count
from rnnsweep.trial import Launcher

# what each fit of the linear baseline would import anew, for two seconds
_BASELINE = ("sklearn.linear_model", "sklearn.feature_extraction.text", "rnnsweep.baseline")


def _make(slots: Places, *, baseline: bool = False) -> Launcher:
    from rnnsweep.launchers.local.launcher import LocalLauncher

    return LocalLauncher(slots, preload=_preload(baseline))


def _ahead(*, baseline: bool = False) -> Callable[[], object]:
    from rnnsweep.launchers.local.server import start_server_ahead

    return start_server_ahead(_preload(baseline))


def _preload(baseline: bool) -> tuple[str, ...]:
    from rnnsweep.launchers.local.server import preloads

    return preloads(*(_BASELINE if baseline else ()))


def _for_sweep(sweep: Sweep) -> dict[str, bool]:
    """Import scikit-learn once where the baseline is fitted on several splits."""
    return {"baseline": sweep.baseline and sweep.replicates > 1 and sweep.vary in ("all", "split")}


def _on(machine: Machine, sweep: Sweep, slots: str | int | None) -> Launcher:
    return make_launcher(sweep, slots if slots is not None else places_of(machine))


def places_of(machine: Machine) -> str | None:
    """Return the slots of a machine's file as ``--slots`` has them; None for as many as there is room for.

    Raises:
        UserError: each slot is a GPU, and this machine has none.
    """
    share = machine.slots
    if share.text is not None or share == Share():
        return share.text
    places = _gpus(machine) if share.share is not None else _cores(share)
    return ",".join(places[: share.most])


def _gpus(machine: Machine) -> list[str]:
    from rnnsweep.hardware import gpus

    count = gpus.count_visible()
    if not count:
        raise UserError(
            f"{machine.path}: slots: each slot is a GPU, and this machine has none that PyTorch can use;"
            " take {each: cpu:1}"
        )
    return [
        f"gpu:{number}:{machine.slots.threads}"
        for number in range(count)
        for _ in range(machine.slots.share or 1)
    ]


def _cores(share: Share) -> list[str]:
    return [f"cpu:{share.threads}"] * (share.most or max(1, default_count() // share.threads))


SPEC = LauncherSpec(_make, on=_on, for_sweep=_for_sweep, ahead=_ahead)
