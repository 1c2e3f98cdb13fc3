"""What launchers have in common that run trials by agents on the nodes of a machine's file."""

from collections.abc import Callable

from rnnsweep.errors import UserError
from rnnsweep.launchers.agents.controller.request import check_locker, slot_request
from rnnsweep.launchers.agents.transport import Transport
from rnnsweep.launchers.registry import LOCAL, LauncherSpec
from rnnsweep.machine import Machine, Share
from rnnsweep.sweepfile import Sweep
from rnnsweep.trial import Launcher


def spec_of_agents(
    name: str, *, reach: Callable[[Machine], None], connect: Callable[[Machine, Share], Transport]
) -> LauncherSpec:
    """Return the spec of a launcher.

    Args:
        name: of the launcher.
        reach: refuses a machine whose engine does not answer.
        connect: opens the transport, for slots as they are asked.
    """

    def reach_all(machine: Machine) -> None:
        reach(machine)
        check_locker(machine)

    def refuse(slots: str | int | None) -> Launcher:
        raise UserError(
            f"launcher {name!r}: runs on a machine's file: write conf/machine/NAME.yaml, and give --on NAME"
        )

    def launch(machine: Machine, sweep: Sweep, slots: str | int | None) -> Launcher:
        from rnnsweep.launchers.agents.controller.launcher import AgentLauncher

        request = slot_request(machine, slots)
        return AgentLauncher(
            connect(machine, request),
            launcher=sweep.launcher or LOCAL,
            machine=machine.name,
            locker=machine.locker,
        )

    return LauncherSpec(refuse, on=launch, reach=reach_all)
