"""Requests to a sweep that may be running: files in a folder, as only the controller writes its journal."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsweep.search.requests.proposals import propose, try_again
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.ledger import Ledger
from rnnsweep.state.watching.progress import Listener

if TYPE_CHECKING:
    import optuna

    from rnnsweep.engine.scheduling.agenda import Agenda


def carry_out(
    folder: SweepFolder,
    mlruns: Path,
    ledger: Ledger,
    studies: "Mapping[str, optuna.Study]",
) -> tuple[list[str], list[str]]:
    """Do what the requests ask for, each once, and remove them.

    Args:
        folder: the sweep's.
        mlruns: where its runs are.
        ledger: gets an entry for it.
        studies: by architecture.

    Returns:
        lines that say what was done, and the names of the tasks that are to be tried again.
    """
    lines, failed = [], []
    for path, request in folder.requests():
        if request["kind"] == "enqueue" and request["architecture"] in studies:
            propose(studies[request["architecture"]], request["values"], request=request["id"])
            lines.append(f"{request['architecture']}: a proposed trial is next")
        elif request["kind"] == "retry":
            again = try_again(folder, mlruns, ledger, studies, request["task"])
            lines.append(f"to be tried again: {', '.join(again) or 'nothing, as nothing failed'}")
            failed += again
        path.unlink()
    return lines, failed


def read_requests(agenda: "Agenda", ledger: Ledger, listener: Listener) -> None:
    """Do what the requests to a running controller ask for, if there are any."""
    studies = {name: search.study for name, search in agenda.searches.items()}
    lines, failed = carry_out(agenda.maker.folder, agenda.maker.mlruns, ledger, studies)
    if lines:
        agenda.reopen(failed)
    for line in lines:
        listener.message(line)
