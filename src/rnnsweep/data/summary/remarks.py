"""What a person would say of a corpus before training on it: remarks, each with a code that programs know."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FEW_GROUPS = "few-groups"  # of a corpus whose test scores say little of new rows
UNEVEN_GROUPS = "uneven-groups"  # of which a few have many of the rows that are tested
CODES = (
    *("cut", "unknown", "unsegmented", "overlap", "near-duplicates", "label-variants", "missing-like-label"),
    "repeated",
    *(
        "rare-label",
        "conflicting",
        "imbalanced",
        "absent-label",
        "label-shares",
        "few-rows",
        "numbers",
        "skewed",
        "swallowed",
        "groups",
        FEW_GROUPS,
        UNEVEN_GROUPS,
        "empty",
    ),
)

RIGHT_TO_LEFT = ("R", "AL")  # Unicode's bidirectional classes of letters


@dataclass(frozen=True)
class Remark:
    """One remark; its code is one of `CODES`."""

    code: str
    message: str


@dataclass(frozen=True)
class CorpusFacts:
    """What was read: the object that ``rnnsweep data --json`` prints, and notes on what was guessed."""

    parts: Mapping[str, Mapping[str, int | None]]  # part -> {"rows": ..., "lines": ...}; lines None: no lines
    labels: Mapping[str, int]  # label -> rows of all parts
    majority: float | None  # share of the most frequent label; None where targets are numbers
    lengths: Mapping[str, float]  # median, p95, longest: tokens before cutting; cut: share of cut rows
    unknown: float  # share of the tokens of validation and test part that the vocabulary does not have
    remarks: tuple[Remark, ...] = ()
    notes: tuple[str, ...] = ()
    targets: Mapping[str, float] | None = None  # low, median, high, mean, spread; None where they are classes
    left_out: int = 0  # rows without text that data.skip_empty=true leaves out
    drawn_from: Mapping[str, int] = field(default_factory=dict)  # "sample", "limit" -> rows, of which it cuts

    def to_json(self) -> dict[str, Any]:
        """Return the object of ``rnnsweep data --json``."""
        return {
            "parts": {part: dict(counts) for part, counts in self.parts.items()},
            "labels": dict(self.labels),
            "majority": self.majority,
            **({"targets": dict(self.targets)} if self.targets is not None else {}),
            "lengths": dict(self.lengths),
            "unknown": self.unknown,
            **({"left_out": self.left_out} if self.left_out else {}),
            **({"drawn_from": dict(self.drawn_from)} if self.drawn_from else {}),
            "remarks": [{"code": each.code, "message": each.message} for each in self.remarks],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "CorpusFacts":
        """Read what `to_json` returned."""
        fields = {name: values[name] for name in ("parts", "labels", "majority", "lengths", "unknown")}
        remarks = tuple(Remark(each["code"], each["message"]) for each in values["remarks"])
        return cls(
            **fields,
            remarks=remarks,
            targets=values.get("targets"),
            left_out=values.get("left_out", 0),
            drawn_from=values.get("drawn_from", {}),
        )

    def summary(self, *, isolated: bool = False) -> tuple[str, str]:
        """Return the two lines that begin a training: what was read, and what is remarkable in it.

        Args:
            isolated: keep labels that are written from right to left from moving the numbers beside them;
                terminals may show the characters that do so.
        """
        labels = sorted(self.labels.items(), key=lambda item: -item[1])
        named = ((_isolated(name) if isolated else name, rows) for name, rows in labels[:4])
        shown = ", ".join(f"{name} {rows:,}" for name, rows in named)
        more = f" and {len(labels) - 4} more" if len(labels) > 4 else ""
        lengths = self.lengths
        targets = "targets are numbers"
        if self.targets is not None:
            targets += " from {low:g} to {high:g} (median {median:g})".format(**self.targets)
        elif self.majority is not None:
            targets = f"{len(labels)} labels ({shown}{more}; majority {self.majority:.1%})"
        first = (
            f"{targets}, tokens a text: median"
            f" {lengths['median']:g}, 95 % {lengths['p95']:g}, longest {lengths['longest']:g};"
            f" cut {lengths['cut']:.1%}, unknown {self.unknown:.1%}"
        )
        codes = ", ".join(each.code for each in self.remarks)
        second = f"remarks: {codes} (rnnsweep data says more)" if codes else "nothing remarkable in the data"
        return first, second

    def lines(self, of: str = "") -> tuple[str, ...]:
        """Return what was read, what was guessed and what is remarkable, a line each; `of`: of which fold."""
        sizes = ", ".join(f"{counts['rows']:,} {part}" for part, counts in self.parts.items())
        remarks = (f"{each.code}: {each.message}" for each in self.remarks)
        return (f"Data{of}: {sizes} rows; {self.summary(isolated=True)[0]}", *self.notes, *remarks)


def _isolated(label: str) -> str:
    """Put a label with letters that are written from right to left between Unicode's isolates."""
    if any(unicodedata.bidirectional(letter) in RIGHT_TO_LEFT for letter in label):
        return f"\N{FIRST STRONG ISOLATE}{label}\N{POP DIRECTIONAL ISOLATE}"
    return label


def codes(remarks: Iterable[Remark]) -> list[str]:
    """Return the codes of remarks, each once, in their order."""
    return list(dict.fromkeys(remark.code for remark in remarks))


def listed(names: Sequence[str], most: int) -> str:
    """Write names in quotes, so many at most and then how many more: ``'a', 'b' and 3 more``."""
    shown = [repr(name) for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most:,} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def of_rows_read(number: int, *, some_left: bool) -> str:
    """Say of how many texts something is counted, where rows without a label may have been left out."""
    return f"{number:,} texts with a label" if some_left else f"{number:,} texts"
