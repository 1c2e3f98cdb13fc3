"""What it takes to read, split and cut a million short rows of CSV: seconds and peak memory."""

import csv
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._child import answer_of
from rnnsweep.data import DataConfig, prepare

ROWS = 1_000_000
LIMIT = 60.0  # seconds, and 1.5 GB: what is asked of a machine of two cores
WORDS = ("soup", "bread", "room", "staff", "view", "price", "tea", "bed", "bar", "pool")


def write_rows(path: Path, rows: int) -> None:
    """Write a table of short texts that are all different, with two labels."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(
            (f"the {WORDS[n % 10]}, on day {n}, was what we had hoped for", n % 2) for n in range(rows)
        )


def measure(path: Path, cache: Path) -> dict:
    """Read a table in this process, and return what it took."""
    clock, processor = time.perf_counter(), time.process_time()
    corpus = prepare(DataConfig(corpus="files", train=str(path)), cache)
    return {
        "rows": sum(corpus.sizes.values()),
        "clock": time.perf_counter() - clock,
        "processor": time.process_time() - processor,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def run(rows: int = ROWS) -> list[dict]:
    """Measure in a process of its own, whose peak of memory is its own, too."""
    with tempfile.TemporaryDirectory(prefix="rnnsweep-reading-") as folder:
        write_rows(Path(folder) / "rows.csv", rows)
        took = answer_of("reading", folder)
    assert took["rows"] == rows
    return [
        {
            "case": f"read, split and cut {rows:,} short rows of CSV",
            "ours": took["processor"],
            "other": LIMIT,
            "other_name": "the limit, by the clock on two cores",
            "unit": "s of the processor",
            "ratio": LIMIT / took["processor"],
            "note": f"{took['clock']:.0f} s of wall clock time beside other programs;"
            f" at most {took['mib']:,.0f} MiB",
        }
    ]


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]) / "rows.csv", Path(sys.argv[1]) / "cache")))
