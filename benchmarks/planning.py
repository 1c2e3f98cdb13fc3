"""How true a plan is: what it foretells beside what the sweep then takes, on three small sweeps.

Both are the commands of the terminal, by the clock, in one slot; nothing is pruned, as the plan supposes. The
corpus is tokenised beforehand. The trials are a grid, so that chance does not draw the dear half of a space.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.throughput import SHARED

ROWS = 6000
SWEEPS = {
    "learning rates of an lstm": (["lstm"], ["data.batch_size=16"], "[16]", 4),
    "widths of gru and rnn": (["gru", "rnn"], ["data.batch_size=64"], "[16, 32, 64]", 12),
    "two layers in both directions": (
        ["bilstm"],
        ["data.batch_size=32", "model.num_layers=2"],
        "[32, 64]",
        8,
    ),
}
SWEEP = """\
# Does it take what was planned?
name: planned
architectures: {architectures}
trials: {trials}
replicates: 0
baseline: false
sampler: grid
pruner: none
overrides: {overrides}
space:
  optimizer.lr: [0.001, 0.002, 0.005, 0.01]
  model.hidden_size: {{type: categorical, choices: {widths}}}
"""


def command(folder: Path, *words: str) -> tuple[str, float]:
    """Run a command of the terminal; give what it printed and its seconds."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "rnnsweep", *words],
        env={**os.environ, "RNNSWEEP_HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, time.perf_counter() - began


def measure(name: str, *, rows: int, trials: int | None) -> dict:
    """Plan a sweep, run it, and set one beside the other."""
    architectures, overrides, widths, usual = SWEEPS[name]
    data = ["data=ag_news", f"data.dir={SHARED / 'ag_news'}", f"data.sample={rows}"]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "sweeps").mkdir()
        (folder / "conf").symlink_to(Path(__file__).parents[1] / "conf")
        text = SWEEP.format(
            architectures=json.dumps(architectures),
            trials=trials or usual,
            overrides=json.dumps([*data, *overrides, "trainer.max_epochs=3"]),
            widths=widths,
        )
        (folder / "sweeps" / "planned.yaml").write_text(text, encoding="utf-8")
        command(folder, "plan", "planned", "--slots", "1")  # tokenises the corpus
        found, _ = command(folder, "plan", "planned", "--slots", "1", "--json")
        _, real = command(folder, "sweep", "planned", "--slots", "1")
    foretold = json.loads(found)["seconds"]
    return {
        "case": f"a plan's time, {name}",
        "ours": foretold,
        "other": real,
        "other_name": "what the sweep then took, its command whole",
        "ratio": foretold / real,
        "unit": "s",
        "note": "the planned time is within a quarter of the real one: "
        + ("yes" if abs(foretold / real - 1) <= 0.25 else "no"),
    }


def run(names: tuple[str, ...] = tuple(SWEEPS), rows: int = ROWS, trials: int | None = None) -> list[dict]:
    """Measure each sweep."""
    if not (SHARED / "ag_news" / "train.csv").is_file():
        return []
    return [measure(name, rows=rows, trials=trials) for name in names]
