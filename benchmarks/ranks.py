"""One training by two processes beside one: texts learned from in a second, on the two cores of a machine.

The large network on AG News at the same global batch, whole commands in turns; validations are left out.
By the clock: run it on a machine that does nothing else.
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks._workload import SHARED

LEAST = 1.6  # times the speed of one process
TURNS, ROWS, BATCH = 3, 6000, 64
LARGE = ("model=bilstm", "model.hidden_size=128", "model.embedding_size=128", f"data.batch_size={BATCH}")
WORK = ("trainer.max_epochs=1", "trainer.accelerator=cpu", "trainer.threads=1", "tracking.enabled=false")
DATA = ("data=ag_news", f"data.dir={SHARED / 'ag_news'}", f"data.sample={ROWS}")


TRAIN = """\
import sys

import rnnsweep

if __name__ == "__main__":
    print(rnnsweep.train(sys.argv[1:]).samples_per_second)
"""


def speed(processes: int, *more: str) -> float:
    """Train by so many processes; return the texts a second of all together."""
    with tempfile.TemporaryDirectory() as home:
        script = Path(home) / "speed.py"
        script.write_text(TRAIN)
        command = [sys.executable, str(script), *LARGE, *WORK, *DATA, f"trainer.devices={processes}", *more]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def run(turns: int = TURNS, more: tuple[str, ...] = ()) -> list[dict]:
    """Measure one and two processes in turns, after one of each to warm the disk."""
    if not (SHARED / "ag_news" / "train.csv").is_file():
        return []
    pairs = [(speed(2, *more), speed(1, *more)) for _ in range(turns + 1)][1:]
    ratios = [two / one for two, one in pairs]
    return [
        {
            "case": "bilstm 128, batch 64, two processes of one thread",
            "ours": statistics.median(two for two, _ in pairs),
            "other": statistics.median(one for _, one in pairs),
            "other_name": "one process of one thread, the same global batch",
            "ratio": statistics.median(ratios),
            "range": [min(ratios), max(ratios)],
            "unit": "texts/s",
            "note": f"the goal is a ratio of at least {LEAST}; {ROWS:,} rows of AG News, {turns} turns",
        }
    ]
