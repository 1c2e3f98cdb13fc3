"""What a line of a spool must hold before it is sent: a spool may be broken, or somebody else's."""

from rnnsweep.tracking.spool.spool import Record

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
        if wrong := [key for key, value in record[name].items() if not isinstance(value, str)]:
            raise ValueError(f"{name}: {wrong[0]!r} is no text")
