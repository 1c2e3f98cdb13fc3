"""Runs recorded in MLflow and read back.

A run appends to its spool (`spool`); one shipper sends spools to the store (`ship`, `store`); `read` reads
them back; `ui` prepares what MLflow's UI shows; `machine` samples the machine. Importing this package
does not import MLflow.
"""

from rnnsweep.runtime.lazy import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    {
        ".spool.record": "DatasetPart RunRecord dataset_parts",
        ".machine.monitor": "MachineMonitor",
        ".ship.beside": "warm_shared",
        ".ship.shipper": "DrainResult Shipper sync",
        ".store.upkeep": "analyse",
        ".spool.stale": "close_stale",
        ".ui.views": "SweepPicture answered_description description experiment_tags failures_tag",
        ".ui.links": "key_of_sweep sweep_links",
        ".read.runs": "curves find_run runs",
        ".machine.provenance": "provenance",
        ".naming": "how_to_repeat run_name",
        ".ui.serve": "serve_ui",
        ".store.address": "check_answers destination",
    },
)
