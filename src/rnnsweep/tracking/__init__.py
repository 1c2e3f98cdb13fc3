"""Runs recorded in MLflow and read back.

A run appends to its spool (`spool`); one shipper sends spools to the store (`ship`, `store`); `read` reads
them back; `ui` prepares what MLflow's UI shows; `machine` samples the machine. Importing this package
does not import MLflow.
"""

from typing import TYPE_CHECKING

from rnnsweep.runtime.lazy import lazy_names

if TYPE_CHECKING:
    from rnnsweep.tracking.machine.monitor import MachineMonitor as MachineMonitor
    from rnnsweep.tracking.machine.provenance import provenance as provenance
    from rnnsweep.tracking.naming import how_to_repeat as how_to_repeat, run_name as run_name
    from rnnsweep.tracking.read.runs import curves as curves, find_run as find_run, runs as runs
    from rnnsweep.tracking.ship.beside import warm_shared as warm_shared
    from rnnsweep.tracking.ship.shipper import Shipper as Shipper, sync as sync
    from rnnsweep.tracking.spool.record import (
        DatasetPart as DatasetPart,
        RunRecord as RunRecord,
        dataset_parts as dataset_parts,
    )
    from rnnsweep.tracking.spool.stale import close_stale as close_stale
    from rnnsweep.tracking.store.address import check_answers as check_answers, destination as destination
    from rnnsweep.tracking.ui.links import key_of_sweep as key_of_sweep, sweep_links as sweep_links
    from rnnsweep.tracking.ui.serve import serve_ui as serve_ui
    from rnnsweep.tracking.ui.views import (
        SweepPicture as SweepPicture,
        answered_description as answered_description,
        compared_views as compared_views,
        description as description,
        experiment_tags as experiment_tags,
    )

lazy_names(__name__)
