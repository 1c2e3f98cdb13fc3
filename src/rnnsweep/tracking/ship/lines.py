"""What a line of a spool must hold before it is sent: a spool may be broken, or somebody else's."""

import re
from collections.abc import Mapping
from typing import Any

from rnnsweep.tracking.spool.spool import Record

RUN_NAME = "mlflow.runName"  # that MLflow gives a run itself
MOST_PLAIN = 500  # characters of a value
_PLAIN = re.compile(r"[A-Za-z0-9_.]{1,200}")
_START = {"experiment": str, "name": str, "time": int, "tags": dict, "params": dict, "datasets": list}


def check_start(record: Record) -> None:
    """See that the line that begins a run can be sent.

    Raises:
        ValueError: naming what is missing or of another kind.
    """
    for name, kind in _START.items():
        if not isinstance(record.get(name), kind):
            raise ValueError(f"{name}={record.get(name)!r}: must be a {kind.__name__}")
    if not record["experiment"].strip():
        raise ValueError("experiment='': must be a name")
    for name in ("tags", "params"):
        check_texts(name, record[name])


def check_texts(name: str, values: Mapping[str, Any]) -> None:
    """See that all values of a line are texts.

    Raises:
        ValueError: naming one that is none.
    """
    if wrong := [key for key, value in values.items() if not isinstance(value, str)]:
        raise ValueError(f"{name}: {wrong[0]!r} is no text")


def is_plain_tag(name: str, value: str) -> bool:
    """Return whether a run can be made with the tag: MLflow does not check those, as it does all others."""
    return bool(_PLAIN.fullmatch(name)) and name != RUN_NAME and len(value) <= MOST_PLAIN
