"""Names and numbers where there is little room for them."""


def shorten(name: str, most: int) -> str:
    """Cut a name in its middle, as names that share a beginning differ at their ends."""
    if len(name) <= most:
        return name
    end = (most - 1) // 2
    return f"{name[: most - 1 - end]}…{name[-end:]}"


def short(value: float) -> str:
    """Write a number in few characters: 0.65, 12k, 3.4M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.4g}"
