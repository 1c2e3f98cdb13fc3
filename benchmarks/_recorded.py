"""A research whose comparisons read a sweep's folder and records, as `rnnsweep compare` does.

Shapes: R replicates, N test rows.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.researchers import MOST, Research
from benchmarks.statistics import CLAIMS, LEVEL
from rnnsweep.api.comparing.answers import plan_of
from rnnsweep.comparison import Comparison, compare_records
from rnnsweep.comparison.predictions import Predictions
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.looks import note_look, read_looks
from rnnsweep.sweepfile.model import BASELINE

START = pd.Timestamp("2025-01-01")


@dataclass
class RecordedResearch(Research):
    """Compares by `compare_records`, with the looks that the folder keeps, and does what `next` says.

    Args:
        place: an empty folder.
        rows: of the test part, whose predictions are kept; 0: only scores are.
        grouped: rows of one group are right or wrong together, four at a time.
        folds: of a cross-validation, whose test parts the replicates take in turn; 0: one test part.
        lost: share of replicates that have no score.
    """

    place: Path = Path()
    rows: int = 0
    grouped: bool = False
    folds: int = 0
    lost: float = 0.0
    right: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.row_N = self.rng.normal(0.9, 1.5, self.rows)
        self.fold_F = self.rng.normal(0, 0.01, max(1, self.folds))  # a fold is easier or harder for all
        super().__post_init__()
        self.folder = SweepFolder(self.place)
        self.folder.make()
        asked = {"slots": 1, "architectures": self.networks, "trials": 1, "replicates": self.sizes[-1]}
        planned = list(self.sizes) if len(self.sizes) > 1 else []
        lines = ({"event": "open", "planned": planned, **asked}, {"event": "close", "state": "finished"})
        (self.place / "ledger.jsonl").write_text(
            "".join(json.dumps({"time": 0, **one}) + "\n" for one in lines)
        )

    def train(self, name: str) -> None:
        """As `Research.train`; a score is the share of rows that are right, where there are rows."""
        super().train(name)
        if self.rows:
            logit_RN = self.row_N + 0.03 * self.rng.standard_normal((MOST, 1))
            drawn_RN = self.rng.random((MOST, self.rows))
            if self.grouped:
                drawn_RN = np.repeat(drawn_RN[:, ::4], 4, axis=1)[:, : self.rows]
                logit_RN = np.repeat(logit_RN[:, ::4], 4, axis=1)[:, : self.rows]
            self.right[name] = drawn_RN < 1 / (1 + np.exp(-logit_RN))
            self.scores[name] = self.right[name].mean(axis=1)
        if self.folds:
            self.scores[name] = self.scores[name] + self.fold_F[np.arange(MOST) % self.folds]
        self.scores[name][self.rng.random(MOST) < self.lost] = np.nan

    def compare(self) -> tuple[bool, int | None]:
        """As `Research.compare`."""
        runs, predictions = self.records()
        plan = plan_of(self.folder, None)
        found = compare_records(
            runs,
            sweep="null",
            margin=self.margin,
            plan=plan,
            predictions=predictions,
            groups=np.arange(self.rows) // 4 if self.grouped else None,
        )
        seen = [one for one in found.standings if one.replicates]
        note_look(
            self.folder,
            {one.architecture: [r.seed for r in one.replicates] for one in seen},
            {one.architecture: one.configuration for one in seen},
            plan.sizes,
        )
        looks = read_looks(self.folder)
        self.looks, self.then = list(looks.replicates), list(looks.configurations)
        return any(one.verdict.startswith(CLAIMS) for one in found.verdicts), advised(found)

    def records(self) -> tuple[pd.DataFrame, dict[str, Predictions]]:
        """Return the runs of the sweep so far in the columns of `tracking.runs()`, and their predictions."""
        table, predictions = [], {}
        for name, number in self.wanted.items():
            baseline = name == BASELINE
            settings = [] if baseline else [f"model={name}", f"optimizer.lr={1 + self.version[name]}"]
            if not baseline:
                table.append(_run(name, "trial", settings, trial=self.version[name], validation=LEVEL))
            for seed in range(number):
                key = f"{name}-{self.version[name]}-r{seed}"
                own = [*settings, f"seed={seed}", f"data.split_seed={seed}"]
                own += (
                    [f"data.folds={self.folds}", f"data.fold={seed % self.folds + 1}"] if self.folds else []
                )
                run = _run(name, "baseline" if baseline else "replicate", own, key=key, seed=seed)
                test = self.scores[name][seed]
                table.append({**run, "test": test, "trial": None if baseline else self.version[name]})
                self.folder.task(key).path.mkdir(parents=True, exist_ok=True)
                if name in self.right and not self.folds:
                    targets_N = np.arange(self.rows) % 2
                    answers_N = np.where(self.right[name][seed], targets_N, 1 - targets_N)
                    predictions[key] = Predictions(targets_N, answers_N)
        runs = pd.DataFrame(table)
        runs["started"] = START + pd.to_timedelta(np.arange(len(runs)), unit="min")
        return runs, predictions


def _run(name: str, role: str, overrides: list[str], *, key: str = "", **more: object) -> dict[str, object]:
    key = key or f"{name}-{more.get('trial')}"
    return {
        "run_id": key,
        "key": key,
        "role": role,
        "architecture": name,
        "state": "complete",
        "overrides": json.dumps(overrides),
        "seconds": 1.0,
        "epochs": 1.0,
        **more,
    }


def advised(comparison: Comparison) -> int | None:
    """Return the number of replicates that the printed command names; None where there is none."""
    if comparison.next is None:
        return None
    named = re.fullmatch(r"rnnsweep replicate null --n (\d+)", comparison.next)
    assert named, comparison.next
    return int(named[1])
