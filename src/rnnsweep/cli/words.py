"""Numbers as people read them in a terminal."""


def score(value: float | None) -> str:
    """Write a share with four digits, as ``0.6543``; ``-`` where there is none."""
    return "-" if value is None or value != value else f"{value:.4f}"


def loss(value: float | None) -> str:
    """Write a loss with four digits, and one that has gone astray in powers of ten."""
    if value is None or value != value:
        return "-"
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.2e}"


def count(number: int, noun: str) -> str:
    """Write ``1 trial``, ``12,345 trials``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
