"""Processes of a controller that is gone: they end by themselves, and whoever does not is ended."""

import psutil

from rnnsweep.state.folder import SweepFolder

GRACE_S = 10.0  # a trial notices within a batch that its controller is gone, and writes a checkpoint


def end_orphans(folder: SweepFolder, *, grace_s: float = GRACE_S) -> int:
    """Wait for the processes that still work in a sweep's folder, then end them.

    Returns:
        how many had to be ended.
    """
    workers = [worker for task in folder.tasks() if (worker := task.worker()) and not task.outcome()]
    orphans = [process for worker in workers if (process := worker.process())]
    _, stubborn = psutil.wait_procs(orphans, timeout=grace_s)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=grace_s)
    return len(stubborn)
