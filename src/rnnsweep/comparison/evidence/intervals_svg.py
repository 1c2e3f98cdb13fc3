"""An interval as a small picture in a line of a table."""

from collections.abc import Sequence

WIDTH, HEIGHT, EDGE = 160, 14, 6  # pixels


def interval_svg(low: float | None, mean: float | None, high: float | None, known: Sequence[float]) -> str:
    """Return an interval with its mean as SVG; an empty string where an end or the mean is missing.

    Args:
        low: lower end.
        mean: of the replicates.
        high: upper end.
        known: all numbers of the table; the smallest stands at the left edge, the largest at the right.
    """
    if low is None or mean is None or high is None:
        return ""
    start, span = min(known), (max(known) - min(known)) or 1.0
    left, dot, right = (round(EDGE + (v - start) / span * (WIDTH - 2 * EDGE)) for v in (low, mean, high))
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" aria-hidden="true">'
        f'<line x1="{left}" x2="{right}" y1="7" y2="7" stroke="currentColor" stroke-width="2"/>'
        f'<circle cx="{dot}" cy="7" r="4" fill="currentColor"/></svg>'
    )
