"""Small pieces of SVG: scales, axes and marks that follow the page's colours, light or dark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape


def number(value: float, digits: int = 1) -> str:
    """Write a coordinate in as few characters as it takes."""
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True)
class Scale:
    """Maps values from low to high onto pixels from start to end."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Give the pixel of a value."""
        low, high = (math.log10(v) if self.log else v for v in (self.low, self.high))
        share = ((math.log10(value) if self.log else value) - low) / ((high - low) or 1)
        return self.start + share * (self.end - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """Give round values inside the scale."""
        return log_ticks(self.low, self.high) if self.log else round_ticks(self.low, self.high, count)


def fit(values: Sequence[float], start: float, end: float, *, log: bool = False, room: float = 0.06) -> Scale:
    """Make a scale that holds all values with some room at both ends."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if log:
        return Scale(low / 1.3, high * 1.3, start, end, log=True)
    space = room * ((high - low) or abs(high) or 1)
    return Scale(low - space, high + space, start, end)


def round_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Give multiples of 1, 2 or 5 times a power of ten, about `count` of them."""
    raw = (high - low) / max(count, 1) or 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if raw <= m * power * (1 + 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Give powers of ten, and their halves and fifths where there would be fewer than three."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5)):
        ticks = [m * 10.0**p for p in powers for m in steps if low <= m * 10.0**p <= high]
        if len(ticks) >= 3:
            break
    return ticks


def short(value: float) -> str:
    """Write a tick's number: 0.65, 12k, 3.4M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.4g}"


def shorten(name: str, most: int) -> str:
    """Cut a name in its middle, as names that share a beginning differ at their ends."""
    if len(name) <= most:
        return name
    end = (most - 1) // 2
    return f"{name[: most - 1 - end]}…{name[-end:]}"


@dataclass
class Picture:
    """An SVG that is being drawn; `marks` are its elements."""

    width: int
    height: int
    label: str
    marks: list[str] = field(default_factory=list)

    def add(self, tag: str, text: str | None = None, *, title: str = "", **attributes: object) -> None:
        """Add one element; ``class_`` and ``stroke_width`` lose their underscore's meaning in Python."""
        self.marks.append(element(tag, text, title=title, **attributes))

    def x_axis(self, scale: Scale, y: float, top: float, *, label: str = "", count: int = 5) -> None:
        """Draw ticks, their grid lines up to `top`, and a label below."""
        for tick in scale.ticks(count):
            x = number(scale(tick))
            self.add("line", x1=x, x2=x, y1=number(top), y2=number(y), class_="grid")
            self.add("text", short(tick), x=x, y=number(y + 16), class_="tick", text_anchor="middle")
        if label:
            middle = number((scale.start + scale.end) / 2)
            self.add("text", label, x=middle, y=number(y + 34), class_="axis", text_anchor="middle")

    def y_axis(self, scale: Scale, x: float, right: float, *, label: str = "", count: int = 5) -> None:
        """Draw ticks, their grid lines up to `right`, and a label above."""
        for tick in scale.ticks(count):
            y = scale(tick)
            self.add("line", x1=number(x), x2=number(right), y1=number(y), y2=number(y), class_="grid")
            self.add("text", short(tick), x=number(x - 6), y=number(y + 4), class_="tick", text_anchor="end")
        if label:
            self.add("text", label, x=number(x - 40), y=12, class_="axis")

    def open(self, **attributes: object) -> None:
        """Begin a group; `close` ends it."""
        self.marks.append(element("g", None, title="", **attributes).replace("/>", ">"))

    def close(self) -> None:
        """End a group."""
        self.marks.append("</g>")

    def render(self) -> str:
        """Give the whole SVG as text."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(self.label)}" style="max-width:{self.width}px">'
        )
        return head + "".join(self.marks) + "</svg>"


def element(tag: str, text: str | None = None, *, title: str = "", **attributes: object) -> str:
    """Write one element, escaped; a title shows when the pointer rests on it."""
    named = ((k.rstrip("_").replace("_", "-"), v) for k, v in attributes.items() if v is not None)
    start = f"<{tag}" + "".join(f' {k}="{escape(str(v))}"' for k, v in named)
    inner = (f"<title>{escape(title)}</title>" if title else "") + (escape(text) if text else "")
    return f"{start}>{inner}</{tag}>" if inner else f"{start}/>"
