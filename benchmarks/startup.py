"""What a command costs before it does anything: `rnnsweep --help` beside importing what a sweep needs."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

RNNSWEEP = Path(sys.executable).with_name("rnnsweep")
IMPORTS = "import torch, pytorch_lightning, mlflow, optuna, hydra"


def seconds(command: list[str]) -> float:
    """Wall time of one whole process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def run(repeats: int = 7) -> list[dict]:
    """Time the two in turn, after one run of each to warm the disk."""
    ours, other = [str(RNNSWEEP), "--help"], [sys.executable, "-c", IMPORTS]
    pairs = [(seconds(ours), seconds(other)) for _ in range(repeats + 1)][1:]
    ratios = [b / a for a, b in pairs]
    return [
        {
            "case": "help on the terminal",
            "ours": statistics.median(a for a, _ in pairs),
            "other": statistics.median(b for _, b in pairs),
            "other_name": "a script that imports torch, Lightning, MLflow, Optuna and Hydra at its top",
            "ratio": statistics.median(ratios),
            "range": [min(ratios), max(ratios)],
            "unit": "s",
        }
    ]
