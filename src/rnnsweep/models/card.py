"""A model card: what the model was trained on, how good it is, what it is for and what it is not for."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rnnsweep.safety.shell import continued, fenced
from rnnsweep.tasks import Score, score_named

_MARKS = re.compile(r"([\\`*_\[\]|$~])")  # of Markdown


@dataclass(frozen=True)
class Card:
    """What a card tells; scores are natural values, None where they were not measured."""

    architecture: str
    run: str  # its name and id
    overrides: tuple[str, ...]  # after `rnnsweep train` they train it again
    corpus: str
    digest: str  # sha256 of all rows of the corpus
    sizes: Mapping[str, int]  # part -> rows
    labels: tuple[str, ...]
    tokens: str  # how texts are cut
    max_length: int
    vocabulary: int
    parameters: int
    validation: float | None  # of this run
    test: float | None  # of this run
    mean: float | None = None  # of all replicates on the test part
    low: float | None = None
    high: float | None = None
    replicates: int = 0
    baseline: float | None = None  # the linear model on the same test part
    sweep: str = ""
    question: str = ""
    score: Score = field(default_factory=score_named)  # what all scores are values of
    cut: str = "head"  # which tokens of a longer text are read
    reading: Mapping[str, Any] = field(default_factory=dict)  # how the settings say that tables are read
    files: tuple[str, ...] = ()  # digests of the files of the training rows
    data: tuple[str, ...] = ()  # what was read, and what is remarkable in it, a line each

    def facts(self) -> dict[str, Any]:
        """Return it as plain values, as they are kept in ``model.json``."""
        return {
            "architecture": self.architecture,
            "run": self.run,
            "sweep": self.sweep,
            "overrides": list(self.overrides),
            "corpus": {
                "name": self.corpus,
                "digest": self.digest,
                "sizes": dict(self.sizes),
                "files": list(self.files),
            },
            "reading": dict(self.reading),
            "parameters": self.parameters,
            "score": self.score.facts(),
            "validation": self.validation,
            "test": self.test,
            "replicates": {"n": self.replicates, "mean": self.mean, "low": self.low, "high": self.high},
            "linear_baseline": self.baseline,
        }

    def markdown(self) -> str:
        """Write it for people."""
        return "\n".join(
            [
                f"# {self.architecture} on {self.corpus}",
                "",
                *self._what(),
                "",
                *self._how_good(),
                "",
                *self._for(),
            ]
        )

    def _what(self) -> list[str]:
        sizes = ", ".join(f"{rows:,} {part}" for part, rows in self.sizes.items())
        asked = [f"* **Question of sweep {self.sweep}**: {self.question}"] if self.sweep else []
        return [
            self._answers(),
            "",
            *asked,
            f"* **Run**: {self.run}",
            f"* **Corpus**: {self.corpus} ({sizes} rows), sha256 `{self.digest}`",
            *(f"* {_plain(line)}" for line in self.data),
            f"* **Reads**: {self._read()} {self.max_length} tokens ({self.tokens});"
            f" {self.vocabulary:,} are known",
            f"* **Size**: {self.parameters:,} parameters",
            "",
            "Train it again:",
            "",
            fenced(continued("train", *self.overrides)),
        ]

    def _read(self) -> str:
        words = {"head": "the first", "tail": "the last", "both": "half from each end of the"}
        return words[self.cut]

    def _answers(self) -> str:
        if self.labels:
            return f"Gives one of {len(self.labels)} labels to a text: {_listed(self.labels)}."
        return "Estimates a number for a text, in the unit of the target that it was trained on."

    def _how_good(self) -> list[str]:
        lines = [
            "## How good it is",
            "",
            f"* Validation {self.score.title} of this run: {_score(self.validation)}",
        ]
        if self.test is not None:
            lines.append(f"* Test {self.score.title} of this run: {_score(self.test)}")
        lines.append(f"* {self._spread()}")
        if self.baseline is not None:
            better = self.mean is not None and self.score.turned(self.mean) > self.score.turned(self.baseline)
            note = "" if better else " A linear model is at least as good here: think about using one."
            lines.append(f"* Linear baseline on the same test part: {_score(self.baseline)}.{note}")
        return lines

    def _spread(self) -> str:
        if self.mean is None:
            return "The test part was not read for this architecture: nothing is known of its test score."
        if self.low is None or self.high is None:
            seeds = "1 replicate" if self.replicates == 1 else f"{self.replicates} replicates"
            return f"Test {self.score.title} over {seeds}: {_score(self.mean)}; too few for an interval."
        return (
            f"Test {self.score.title} over {self.replicates} replicates: {_score(self.mean)}"
            f" (95 % interval {_score(self.low)} to {_score(self.high)}). This run is the one of them with"
            " the best validation score; expect the mean of new texts, not this run's own score."
        )

    def _for(self) -> list[str]:
        always = "names one of its labels" if self.labels else "returns a number"
        return [
            "## What it is for",
            "",
            "Sorting texts like those of its corpus into these labels, and comparing architectures."
            if self.labels
            else "Estimating the number of texts like those of its corpus, and comparing architectures.",
            "",
            "## What it is not for",
            "",
            f"* Texts of other sources, times or languages: it was not tested on any, and always {always}."
            " Where `known` is low against `tokens` the answer says little.",
            "* Decisions about people. Its probabilities were not calibrated.",
            f"* Texts whose meaning lies elsewhere: {self._read()} {self.max_length} tokens are read.",
        ]


def _plain(text: str) -> str:
    """Return text of a corpus as Markdown that shows it as it is: no tag, link, emphasis or formula."""
    return _MARKS.sub(r"\\\1", html.escape(text, quote=False))


def _listed(labels: tuple[str, ...]) -> str:
    shown = ", ".join(map(_plain, labels[:20]))
    return shown if len(labels) <= 20 else f"{shown} and {len(labels) - 20} more"


def _score(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"
