"""Times as people read them."""


def duration(seconds: float) -> str:
    """Write a time as ``42 s``, ``3:07 min`` or ``2:05 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02d} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d} h"


def durations(low: float, high: float) -> str:
    """Write a range of times with its unit once: ``5:00 to 7:21 min``; two that read alike as one."""
    first, last = duration(low), duration(high)
    if first == last:
        return first
    number, _, unit = first.rpartition(" ")
    return f"{number if last.endswith(f' {unit}') else first} to {last}"


def about(low: float | None, high: float | None) -> str:
    """Write an estimated time as ``about 5:00 to 7:21 min``, ``at most 7:21 min`` where the least is nothing.

    Empty where there is no estimate, or less than a second.
    """
    most = low if high is None else high
    if low is None or most is None or round(most) <= 0:
        return ""
    return f"about {durations(low, most)}" if round(low) > 0 else f"at most {duration(most)}"
