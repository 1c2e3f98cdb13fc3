"""What it takes to read, split and cut a million short rows of CSV: seconds and peak memory.

python -m benchmarks.reading [ROWS]
"""

import csv
import resource
import sys
import tempfile
import time
from pathlib import Path

from rnnsweep.data import DataConfig, prepare

ROWS = 1_000_000
WORDS = ("soup", "bread", "room", "staff", "view", "price", "tea", "bed", "bar", "pool")


def main() -> None:
    """Write a file, read it in this process, print what it took."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory(prefix="rnnsweep-reading-") as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows(
                (f"the {WORDS[n % 10]}, on day {n}, was what we had hoped for", n % 2) for n in range(rows)
            )
        began = time.perf_counter()
        corpus = prepare(DataConfig(corpus="files", train=str(path)), Path(folder) / "cache")
        seconds = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{sum(corpus.sizes.values()):,} rows in {seconds:.1f} s, at most {memory:,.0f} MiB")


if __name__ == "__main__":
    main()
