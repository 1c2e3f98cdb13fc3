"""A process of a benchmark's own: its peak of memory, its imports and its environment are its alone."""

import json
import os
import subprocess
import sys
import time
from typing import Any

STARTED = "BENCHMARK_STARTED"  # when the process was started, by its parent's clock


def answer_of(module: str, *words: object, **variables: str) -> Any:
    """Run a module of benchmarks in a fresh process; return the last line that it prints, read as JSON.

    Args:
        module: its name, as ``reading``.
        words: its command line.
        variables: of its environment, beside those of this process.
    """
    benchmark = {
        "PYTHONSAFEPATH": "",
        STARTED: str(time.time()),
    }  # "": the working directory, too
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *map(str, words)],
        env={**os.environ, **benchmark, **variables},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
