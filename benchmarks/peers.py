"""Time to a verdict beside the peers: the same network, space, rows, slots and number of trials.

Each peer has an environment of its own in a cache folder, made on demand; PyTorch and Lightning are shared
with this one through a .pth file, so that nothing large is installed twice. A peer that cannot be installed,
or whose search fails, is left out with a line. A verdict is defended by `SEEDS` trainings of the best
configuration of two architectures: ours are the sweep's replicates, a peer's a loop of one's own in as many
processes. By the clock: run it on a machine that does nothing else.
"""

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import platformdirs

from benchmarks._plain import EPOCHS, FIXED, SHARED

TRIALS, SEEDS, SLOTS = 24, 6, 2
ROOT = Path(__file__).parents[1]
# what a peer's environment has beside the shared one
PEERS = {
    "plain-optuna": (),
    "ray-tune": ("ray[tune]>=2.40", "optuna<5"),
    "syne-tune": ("syne-tune>=0.13",),
    "hydra-optuna": ("hydra-optuna-sweeper>=1.2", "hydra-joblib-launcher>=1.2", "optuna<3"),
}
NAMES = {
    "plain-optuna": "plain Optuna and Lightning with pruning",
    "ray-tune": "Ray Tune, ASHA with Optuna's searcher, and Lightning",
    "syne-tune": "Syne Tune, ASHA, and Lightning",
    "hydra-optuna": "Hydra's Optuna sweeper, and Lightning",
}
SWEEP = """\
# Does a gru beat an lstm?
name: peers
architectures: [{architectures}]
trials: {trials}
replicates: {replicates}
baseline: false
sampler: tpe
pruner: {{name: median, startup: 4}}
overrides: {overrides}
space:
  optimizer.lr: {{type: float, low: 1e-3, high: 1e-2, log: true}}
  model.hidden_size: {{type: int, low: 16, high: 64}}
"""


def environment(name: str) -> Path | None:
    """Make a peer's environment where it is not there; give its interpreter, or None and say why."""
    folder = platformdirs.user_cache_path("rnnsweep") / "benchmarks" / name
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if ready.is_file():
        return python
    venv.create(folder, with_pip=True, clear=True)
    words = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip())
    # behind the environment's own packages, so that those win
    (site / "zz_shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT / 'src'}\n")
    if PEERS[name]:
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", *PEERS[name]],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason"])[-1]
            print(f"{NAMES[name]}: left out, cannot be installed: {last}", file=sys.stderr)
            return None
    ready.touch()
    return python


def peer(python: Path, *words: str) -> dict[str, Any] | None:
    """Let a peer do one thing; give its line, or None and show its last words."""
    done = subprocess.run(
        [str(python), "-m", "benchmarks._peer", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "TOKENIZERS_PARALLELISM": "false", "PYTHONSAFEPATH": ""},
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason"])[-1]
        print(f"{words[0]}: left out, it failed: {last}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def measure_peer(name: str, trials: int, seeds: int) -> dict[str, Any] | None:
    """Give a peer's seconds of search and of verdict, and its path of best scores."""
    python = environment(name)
    if python is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        found = peer(python, name, folder, str(trials))
        if found is None:
            return None
        found["command"] = time.perf_counter() - began
        numbers = json.dumps(list(range(seeds)))
        checks = [
            peer(python, "seeds", folder, json.dumps({**found["config"], "cell": cell}), numbers)
            for cell in ("lstm", "gru")
        ]
    if None in checks:
        return None
    # two architectures: a search and a loop over seeds each
    found["verdict"] = 2 * found["command"] + sum(check["seconds"] for check in checks if check)
    return found


def ours(trials: int, seeds: int, architectures: tuple[str, ...]) -> dict[str, Any]:
    """Run our sweep, its command whole; give its seconds and its path of best scores."""
    from rnnsweep.engine import export

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sweeps").mkdir()
        (folder / "conf").symlink_to(ROOT / "conf")
        text = SWEEP.format(
            architectures=", ".join(architectures),
            trials=trials,
            replicates=seeds,
            overrides=json.dumps([*FIXED, "trainer.validate_every=1"]),
        )
        (folder / "sweeps" / "peers.yaml").write_text(text, encoding="utf-8")
        words = [sys.executable, "-m", "rnnsweep", "sweep", "peers", "--slots", str(SLOTS)]
        began, clock = time.perf_counter(), time.time()
        done = subprocess.run(
            words, env={**os.environ, "RNNSWEEP_HOME": name}, capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - began
        assert done.returncode == 0, done.stderr
        table = export(folder / "mlruns", "peers")
    best, path = -1.0, []
    for row in table.dropna(subset=["value"]).sort_values("datetime_complete").itertuples():
        best = max(best, float(row.value))
        path.append([row.datetime_complete.timestamp() - clock, best])
    return {"command": seconds, "path": path}


def time_to(path: list[list[float]], score: float) -> float | None:
    """Give the seconds after which a search had reached a score."""
    return next((second for second, best in path if best >= score), None)


def rows_of(
    name: str, mine: dict[str, Any], verdict: float, theirs: dict[str, Any], trials: int
) -> list[dict]:
    """Make the rows of one peer."""
    both = min(mine["path"][-1][1], theirs["path"][-1][1])
    own, other = time_to(mine["path"], both), time_to(theirs["path"], both)
    scores = f"{mine['path'][-1][1]:.4f} and {theirs['path'][-1][1]:.4f}"
    note = f"best validation accuracies {scores}; theirs failed: {theirs['failed']}"
    kinds = [
        ("trials an hour", 3600 * trials / mine["command"], 3600 * trials / theirs["command"], "trials/h"),
        ("time to the same best validation score", own, other, "s"),
        ("time to a defended verdict, lstm against gru", verdict, theirs["verdict"], "s"),
    ]
    rows = []
    for what, first, second, unit in kinds:
        if first is None or second is None:
            continue
        rows.append(
            {
                "case": f"beside {name}: {what}",
                "ours": first,
                "other": second,
                "other_name": NAMES[name],
                "ratio": first / second if unit == "trials/h" else second / first,
                "unit": unit,
                "note": note,
            }
        )
    return rows


def run(trials: int = TRIALS, seeds: int = SEEDS, names: tuple[str, ...] = tuple(PEERS)) -> list[dict]:
    """Run ours, then each peer."""
    if not (SHARED / "ag_news" / "train.csv").is_file():
        return []
    from rnnsweep.config import compose
    from rnnsweep.data import prepare

    prepare(compose([*FIXED, "model=lstm"]).data)  # the corpus is tokenised for all beforehand
    mine = ours(trials, 0, ("lstm",))
    verdict = ours(trials, seeds, ("lstm", "gru"))["command"]
    rows = []
    for name in names:
        theirs = measure_peer(name, trials, seeds)
        if theirs is not None:
            rows += rows_of(name, mine, verdict, theirs, trials)
    assert EPOCHS >= 2, "pruning needs a second epoch"
    return rows


if __name__ == "__main__":
    trials, *wanted = sys.argv[1:] or [str(TRIALS)]
    print(json.dumps(run(int(trials), SEEDS, tuple(wanted) or tuple(PEERS)), indent=1))
