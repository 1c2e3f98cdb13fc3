"""Time to a verdict beside the peers: the same network, space, rows, slots and number of trials.

Each peer has an environment of its own in the folder for temporary files, made on demand; PyTorch and
Lightning are shared with this one through a .pth file, so that nothing large is installed twice. A peer that
cannot be installed, or whose search fails, is left out, and its row says why.

A verdict needs a search of each of two architectures, and `SEEDS` trainings of the best configuration of
each: ours are the sweep's replicates, a peer's a loop of one's own in as many processes. Ours look at `FIRST`
first and `LOOKS` times at most, and end where the pair is settled or `SEEDS` are not likely to decide: that
claims what one look at all of them claims.
Beside a peer with ASHA our sweep has ASHA too, with the same rungs and the same share that continues; beside
the others it has the median, as plain Optuna has.
Our time ends where the answer is printed; pictures and models follow. Two trials at once end in another order
each time, so a search finds other settings, and a pair needs more replicates or fewer: ours runs `OURS` times
before a peer, whose times are nearly the same each time, and the run with the median time is written down,
with the range of all in the ratio of the verdicts. Then each searches once more while one
of its trials is killed. By the clock: run it on a machine that does nothing else;
``RNNSWEEP_PEERS_SAMPLE`` is the number of rows.

    python -m benchmarks peers
    python -m benchmarks.peers TRIALS SEEDS [NAME ...]
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks._workload import EPOCHS, FIXED, SAMPLE, SHARED

TRIALS, SEEDS, SLOTS = 24, 10, 2
FIRST, LOOKS = 6, 3  # replicates at our first look, and looks at most
OURS = 3  # how often ours runs
ANSWER = "Pairs: "  # what the last line of our answer begins with
CELLS = ("lstm", "gru")
ROOT = Path(__file__).parents[1]
PLACE = Path(tempfile.gettempdir()) / "rnnsweep-peers"
# what a peer's environment has beside the shared one
PEERS = {
    "plain-optuna": (),
    "ray-tune": ("ray[tune]>=2.40", "optuna<5"),
    "hydra-optuna": ("hydra-optuna-sweeper>=1.2", "hydra-joblib-launcher>=1.2", "optuna<3"),
    "syne-asha": ("syne-tune>=0.14",),
    "syne-mobster": ("syne-tune[gpsearchers]>=0.13,<0.14",),
}
MEDIAN = "{name: median, startup: 4}"
ASHA = "{{name: asha, minimum: 1, factor: {factor}}}"  # of one epoch's rung, 1 of so many continues
# our pruner beside a peer: its own, with the defaults of its library
PRUNERS = {
    "plain-optuna": MEDIAN,
    "ray-tune": ASHA.format(factor=4),
    "hydra-optuna": MEDIAN,
    "syne-asha": ASHA.format(factor=3),
    "syne-mobster": ASHA.format(factor=3),
}
NAMES = {
    "plain-optuna": "plain Optuna and Lightning with pruning",
    "ray-tune": "Ray Tune, ASHA with Optuna's searcher, and Lightning",
    "hydra-optuna": "Hydra's Optuna sweeper, and Lightning",
    "syne-asha": "Syne Tune, ASHA, and Lightning",
    "syne-mobster": "Syne Tune, MOBSTER, and Lightning",
}
# Ray gives its workers a lower priority than its own: on a machine that is shared they would wait
SETTINGS = {"TOKENIZERS_PARALLELISM": "false", "PYTHONSAFEPATH": "", "RAY_worker_niceness": "0"}
SWEEP = """\
# Does a gru beat an lstm?
name: peers
architectures: [{architectures}]
trials: {trials}
replicates: {replicates}
baseline: false
sampler: tpe
pruner: {pruner}
overrides: {overrides}
space:
  optimizer.lr: {{type: float, low: 1e-3, high: 1e-2, log: true}}
  model.hidden_size: {{type: int, low: 16, high: 64}}
"""


class LeftOut(Exception):
    """A peer that cannot be measured here; the table says why."""


def environment(name: str) -> Path:
    """Make a peer's environment where it is not there; return its interpreter.

    Raises:
        LeftOut: it cannot be installed.
    """
    folder = PLACE / name
    python = folder / "bin" / "python"
    ready = folder / "ready"
    made = ready.is_file()
    if not made:
        venv.create(folder, with_pip=True, clear=True)
    words = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip())
    # behind the environment's own packages, so that those win; written each time, as the shared one may move
    shared = [path for path in sys.path if Path(path).name == "site-packages"]
    (site / "zz_shared.pth").write_text("\n".join([*shared, str(ROOT / "src")]) + "\n")
    if made:
        return python
    if PEERS[name]:
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", *PEERS[name]],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LeftOut(f"cannot be installed: {_last_line(done.stderr)}")
    ready.touch()
    return python


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason"])[-1][:200]


def peer(python: Path, *words: str, timeout: float | None = None) -> dict[str, Any]:
    """Let a peer do one thing; return its line.

    Raises:
        LeftOut: it failed, or did not end in time.
    """
    try:
        done = subprocess.run(
            [str(python), "-m", "benchmarks._peer", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={**os.environ, **SETTINGS},
            check=False,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as error:
        raise LeftOut(f"did not end within {timeout:.0f} s") from error
    if done.returncode:
        raise LeftOut(f"failed: {_last_line(done.stderr)}")
    return json.loads(done.stdout.splitlines()[-1])


def busy(trainings: Path, seconds: float) -> float:
    """Return the share of slot time that trainings took, of a search of so many seconds."""
    spans = [json.loads(line) for line in trainings.read_text().splitlines()]
    return sum(end - begin for begin, end in spans) / (SLOTS * seconds)


def measure_peer(name: str, trials: int, seeds: int) -> dict[str, Any]:
    """Search and check both architectures with a peer.

    Returns:
        seconds of the searches (`command`) and until the verdict, best score by second of the first
        architecture's search, share of busy slots, and trials that ended although one was killed.

    Raises:
        LeftOut: the peer cannot do it.
    """
    python = environment(name)
    searches, seconds = [], 0.0
    for cell in CELLS:
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            search = peer(python, name, folder, str(trials), cell)
            search["command"] = time.perf_counter() - began
            search["busy"] = busy(Path(folder) / "trainings.jsonl", search["command"])
            numbers = json.dumps(list(range(seeds)))
            check = peer(python, "seeds", folder, json.dumps(search["config"]), numbers, cell)
            seconds += search["command"] + check["seconds"]
            searches.append(search)
    command = sum(search["command"] for search in searches)
    return {
        "command": command,
        "verdict": seconds,
        "path": searches[0]["path"],
        "busy": sum(search["busy"] * search["command"] for search in searches) / command,
        "failed": sum(search["failed"] for search in searches),
        "survived": survived(python, name, trials, limit=4 * searches[0]["command"] + 60),
    }


def survived(python: Path, name: str, trials: int, *, limit: float) -> int:
    """Count the trials of a search that end although the process of the second one is killed."""
    with tempfile.TemporaryDirectory() as folder, one_killed(lambda: _processes(Path(folder))):
        try:
            search = peer(python, name, folder, str(trials), CELLS[0], timeout=limit)
        except LeftOut:
            return 0
    return trials - int(search["failed"])


def _processes(folder: Path) -> list[int]:
    """List the processes of a peer's trainings, the last one that began at the end."""
    files = sorted(folder.glob("process-*"), key=lambda file: file.stat().st_mtime)
    return [int(file.name.partition("-")[2]) for file in files]


def _leases(folder: Path) -> list[int]:
    """List the processes of our trials, the last one that began at the end."""
    files = sorted(folder.glob("mlruns/sweeps/*/trials/*/lease.json"), key=lambda file: file.stat().st_mtime)
    return [json.loads(file.read_text())["pid"] for file in files]


@contextmanager
def one_killed(processes: Callable[[], list[int]]) -> Iterator[None]:
    """Kill the second process of a trial that shows up, two seconds later."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            seen = processes()
            if len(seen) >= 2:
                over.wait(2)
                with suppress(ProcessLookupError):
                    os.kill(seen[-1], signal.SIGKILL)
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def ours(trials: int, seeds: int, pruner: str, *, kill: bool = False) -> dict[str, Any]:
    """Run our sweep; return what `measure_peer` does, and trials that ended.

    The searches are measured from the command's start to the end of the last trial, the verdict to its print.
    """
    from rnnsweep.engine import export
    from rnnsweep.state.folder import SweepFolder

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sweeps").mkdir()
        (folder / "conf").symlink_to(ROOT / "conf")
        looks = min(LOOKS, seeds - FIRST + 1)
        text = SWEEP.format(
            architectures=", ".join(CELLS),
            trials=trials,
            replicates=f"{{first: {FIRST}, most: {seeds}, looks: {looks}}}" if seeds > FIRST else seeds,
            pruner=pruner,
            overrides=json.dumps([*FIXED, "trainer.validate_every=1"]),
        )
        (folder / "sweeps" / "peers.yaml").write_text(text, encoding="utf-8")
        words = [sys.executable, "-P", "-m", "rnnsweep", "sweep", "peers", "--slots", str(SLOTS)]
        environment = {**os.environ, "RNNSWEEP_HOME": name, "PYTHONUNBUFFERED": "1"}
        began, clock = time.perf_counter(), time.time()
        with (
            one_killed(lambda: _leases(folder) if kill else []),
            open(folder / "errors", "w+") as errors,
            subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True) as run,
        ):
            assert run.stdout is not None
            seconds = next(
                (time.perf_counter() - began for line in run.stdout if line.startswith(ANSWER)), 0.0
            )
            run.stdout.read()  # pictures and models follow the answer
        assert run.returncode == 0, (folder / "errors").read_text()
        table = export(folder / "mlruns", "peers")
        replicates = sum("-r" in task.name for task in SweepFolder.of(folder / "mlruns", "peers").tasks())
    best, path = -1.0, []
    own = table[table["architecture"] == CELLS[0]] if "architecture" in table else table
    for row in own.dropna(subset=["value"]).sort_values("datetime_complete").itertuples():
        best = max(best, float(row.value))
        path.append([row.datetime_complete.to_pydatetime().timestamp() - clock, best])
    ended = int(table["state"].isin(["COMPLETE", "PRUNED"]).sum())
    trained = (table["datetime_complete"] - table["datetime_start"]).dt.total_seconds().sum()
    searches = table["datetime_complete"].max().to_pydatetime().timestamp() - clock
    return {
        "command": searches,
        "verdict": seconds,
        "path": path,
        "busy": trained / (SLOTS * searches),
        "ended": ended,
        "replicates": replicates,
    }


def time_to(path: list[list[float]], score: float) -> float | None:
    """Return the seconds after which a search had reached a score."""
    return next((second for second, best in path if best >= score), None)


def rows_of(
    name: str,
    mine: dict[str, Any],
    verdicts: list[float],
    theirs: dict[str, Any],
    trials: int,
    remark: str = "",
) -> list[dict]:
    """Make the rows of one peer.

    Args:
        name: of the peer.
        mine: as `ours` returns, and trials that ended although one was killed (`survived`).
        verdicts: seconds of our sweeps with their replicates; `mine` is the one with the median.
        theirs: as `measure_peer` returns.
        trials: of each architecture.
        remark: about the sizes, for the note.
    """
    both = min(mine["path"][-1][1], theirs["path"][-1][1])
    own, other = time_to(mine["path"], both), time_to(theirs["path"], both)
    scores = f"{mine['path'][-1][1]:.4f} and {theirs['path'][-1][1]:.4f}"
    note = f"best validation accuracies {scores}; theirs failed: {theirs['failed']}{remark}"
    hour, what_decides = 3600 * len(CELLS) * trials, "time to a defended verdict, lstm against gru"
    kinds = [
        ("trials an hour", hour / mine["command"], hour / theirs["command"], "trials/h"),
        ("time to the same best validation score", own, other, "s"),
        (what_decides, mine["verdict"], theirs["verdict"], "s"),
        ("slots busy in the searches", 100 * mine["busy"], 100 * theirs["busy"], "% of slot time"),
        (
            f"trials of {trials} that end though one is killed",
            mine["survived"],
            theirs["survived"],
            "trials",
        ),
    ]
    rows = []
    for what, first, second, unit in kinds:
        if first is None or second is None:
            continue
        less, more = (first, second) if unit == "s" else (second, first)
        rows.append(
            {
                "case": f"beside {name}: {what}",
                "ours": first,
                "other": second,
                "other_name": NAMES[name],
                "ratio": more / less if less else None,
                "unit": unit,
                "note": note,
            }
        )
        if what == what_decides:
            rows[-1]["range"] = [second / max(verdicts), second / min(verdicts)]
    return rows


def row_of_missing(name: str, reason: str) -> dict:
    """Make the row of a peer that cannot be measured here."""
    return {
        "case": f"beside {name}",
        "ours": None,
        "other": None,
        "other_name": NAMES[name],
        "ratio": None,
        "unit": "",
        "note": f"left out: {reason}",
    }


def run(trials: int = TRIALS, seeds: int = SEEDS, names: tuple[str, ...] = tuple(PEERS)) -> list[dict]:
    """Run ours, then each peer."""
    if not (SHARED / "ag_news" / "train.csv").is_file():
        return []
    from rnnsweep.config import compose
    from rnnsweep.data import prepare

    prepare(compose([*FIXED, "model=lstm"]).data)  # the corpus is tokenised for all beforehand
    measured: dict[str, list[dict[str, Any]]] = {}  # ours by pruner, the quickest first
    rows = []
    for name in names:
        pruner = PRUNERS[name]
        if pruner not in measured:
            runs = [ours(trials, seeds, pruner) for _ in range(OURS)]
            measured[pruner] = runs = sorted(runs, key=lambda run: run["verdict"])
            killed = ours(trials, 0, pruner, kill=True)
            runs[OURS // 2]["survived"] = killed["ended"] - trials * (len(CELLS) - 1)
        runs, load = measured[pruner], os.getloadavg()[0]
        mine, verdicts = runs[OURS // 2], [run["verdict"] for run in runs]
        remark = f"; {SAMPLE // 2:,} training rows, {trials} trials and {seeds} seeds of each architecture"
        needed = ", ".join(str(run["replicates"]) for run in runs)
        remark += (
            f"; ours ran {OURS} times, took {needed} replicates in all until the verdict, and the run with "
        )
        remark += f"the median time is shown; our pruner: {pruner}"
        if load > 2 * SLOTS:
            remark += f"; on a busy machine (load {load:.0f}): read the ratios alone"
        try:
            theirs = measure_peer(name, trials, seeds)
            found = rows_of(name, mine, verdicts, theirs, trials, remark)
        except LeftOut as reason:
            found = [row_of_missing(name, str(reason))]
        rows += found
        print(json.dumps(found, indent=1), file=sys.stderr, flush=True)
    assert EPOCHS >= 2, "pruning needs a second epoch"
    return rows


if __name__ == "__main__":
    trials, seeds, *wanted = sys.argv[1:] or [str(TRIALS), str(SEEDS)]
    print(json.dumps(run(int(trials), int(seeds), tuple(wanted) or tuple(PEERS)), indent=1))
