"""Runs recorded in MLflow and read back.

A run appends to its spool (`record`, `spool`); one shipper sends spools to the store (`shipper`, `shipping`);
`reading` reads them back; `views` prepares what the UI shows. Importing this package imports none of MLflow.
"""

from importlib import import_module
from typing import Any

_DOORS = {
    "RunRecord": "record",
    "DatasetPart": "record",
    "MachineMonitor": "machine",
    "dataset_parts": "record",
    "Shipper": "shipper",
    "sync": "shipper",
    "SyncResult": "shipper",
    "DrainResult": "shipper",
    "analyse": "upkeep",
    "close_stale": "stale",
    "SweepPicture": "views",
    "experiment_tags": "views",
    "description": "views",
    "view_links": "links",
    "sweep_links": "links",
    "key_of_sweep": "links",
    "runs": "reading",
    "curves": "reading",
    "find_run": "reading",
    "provenance": "origin",
    "run_name": "naming",
    "how_to_repeat": "naming",
    "serve_ui": "ui",
    "destination": "address",
    "check_answers": "address",
}

__all__ = sorted(_DOORS)


def __getattr__(name: str) -> Any:
    if name not in _DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"rnnsweep.tracking.{_DOORS[name]}"), name)
