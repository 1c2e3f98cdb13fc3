"""Random damage to everything that a person can receive, in a process that is watched.

Run as ``python tests/hostile_fuzz.py KIND[,KIND...] COUNT SEED FOLDER``; prints a JSON object with what went
wrong, a list for each kind, and the seconds of the processor that it took. Several kinds share what takes
longest: the imports and a store. Every change is made to a copy of a sound thing and handed to the code that
reads it. What is allowed: a `UserError` (one line for the user), or an answer. What is not: another
exception, more than five seconds, a write or a program outside of the folder, a connection, 500 MB of memory.
"""

import functools
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

SECONDS = 5
BUSY = 12  # times that a busy machine may take longer
MEMORY = 500 << 20
MOST_REPORTED = 5
ROOT = Path(__file__).resolve().parents[1]
# PYTHONSAFEPATH, which the package sets for its children, leaves them out
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]


class TooLong(BaseException):
    """One change took more than the time that it may take."""


# --- changes

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 2**31, 2**63, 10**40, -0.0, 1e308, 1e-320, "", " ", "x" * 5000),
    *(
        "../../../outside",
        "/etc/passwd",
        "~",
        "C:\\x",
        "a/b",
        ".",
        "..",
        "\0",
        "\n",
        "\x1b]0;x\x07",
        "\ud800",
        "[/]",
    ),
    *(
        "[bold]",
        "${oc.env:HOME}",
        "!!python/name:os.system",
        "nan",
        "inf",
        "1e999",
        "=cmd|' /C calc'!A0",
        "{{7*7}}",
    ),
    *([], {}, [[]], [None], {"": None}, {"op": []}, [1, "a", None], {"__class__": "os.system"}, ["a"] * 1000),
)
ODD_LINES = (
    b"[" * 3000,
    b'{"a":' * 3000,
    b"NaN",
    b"null",
    b"3",
    b'"text"',
    b"[]",
    b"{}",
    b"\xff\xfe\x00",
    b'{"op":"start"}',
    b'{"event":"open"}',
    b"1" + b"0" * 5000,
    b"",
)
ODD_YAML = (
    *(
        "!!python/object/apply:os.system ['true']",
        "&a [*a]",
        "*nothing",
        "!!binary aaaa",
        "{a: 1",
        "[",
        "|",
        "- - -",
    ),
    *(
        "2001-01-01",
        "0o17",
        "1e5",
        "1_000",
        ".nan",
        ".inf",
        "-.inf",
        "~",
        "!!set {a, b}",
        "<<: {}",
        "'",
        '"',
        "%",
        "@x",
    ),
    *(
        "${oc.env:HOME}",
        "${a.b}",
        "{type: float, low: .nan, high: 1}",
        "{type: int, low: 9, high: 1}",
        "[1, [2, [3]]]",
    ),
    *("{parameters: 1e400}", "{parameters: -1}", "null", "10000000000000000000000", "[" * 200 + "]" * 200),
)


def change_bytes(draw: random.Random, data: bytes) -> bytes:
    """Flip, cut, insert, repeat or overwrite some bytes."""
    out = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 5, 20))):
        at, span = draw.randrange(len(out) + 1), draw.choice((1, 2, 4, 8, 64, 1000))
        kind = draw.randrange(7)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            out[at : at + span] = draw.randbytes(span)
        elif kind == 2:
            del out[at : at + span]
        elif kind == 3:
            out[at:at] = draw.randbytes(span)
        elif kind == 4:
            out[at:at] = out[at : at + span]
        elif kind == 5:
            size = draw.choice((1, 2, 4, 8))
            out[at : at + size] = draw.choice((b"\xff", b"\x00", b"\x7f")) * size
        else:
            del out[at:]
    return bytes(out)


def change_json(draw: random.Random, value: Any) -> Any:
    """Replace, remove, add or move one value somewhere in a structure."""
    if isinstance(value, dict) and value and draw.random() < 0.8:
        key = draw.choice(list(value))
        kind = draw.randrange(10)
        if kind == 0:
            return {k: v for k, v in value.items() if k != key}
        if kind == 1:
            return value | {str(draw.choice(ODD_VALUES)): draw.choice(ODD_VALUES)}
        if kind == 2:
            return value | {key: value[draw.choice(list(value))]}
        return value | {key: change_json(draw, value[key])}
    if isinstance(value, list) and value and draw.random() < 0.7:
        at = draw.randrange(len(value))
        return [*value[:at], change_json(draw, value[at]), *value[at + draw.choice((0, 1)) :]]
    return draw.choice(ODD_VALUES)


def change_json_file(draw: random.Random, data: bytes) -> bytes:
    """Change a file of one JSON value."""
    if draw.random() < 0.3:
        return draw.choice((change_bytes(draw, data), draw.choice(ODD_LINES)))
    return json.dumps(change_json(draw, json.loads(data))).encode()


def change_json_lines(draw: random.Random, data: bytes) -> bytes:
    """Change one or several lines of a file of JSON lines."""
    if draw.random() < 0.2:
        return change_bytes(draw, data)
    lines = data.splitlines()
    for _ in range(draw.choice((1, 1, 2, 4))):
        at = draw.randrange(len(lines))
        kind = draw.randrange(8)
        if kind == 0:
            lines[at] = draw.choice(ODD_LINES)
        elif kind == 1:
            lines.insert(at, draw.choice(ODD_LINES))
        elif kind == 2:
            other = draw.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == 3:
            lines.insert(at, lines[draw.randrange(len(lines))])
        else:
            try:
                lines[at] = json.dumps(change_json(draw, json.loads(lines[at]))).encode()
            except (ValueError, RecursionError):
                lines[at] = change_bytes(draw, lines[at])
    return b"\n".join(lines) + b"\n"


def change_yaml(draw: random.Random, data: bytes) -> bytes:
    """Change values, keys or whole lines of a YAML file."""
    if draw.random() < 0.15:
        return change_bytes(draw, data)
    if draw.random() < 0.03:
        bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
        return "\n".join(bomb).encode() + b"\n" + data
    lines = data.decode().splitlines()
    for _ in range(draw.choice((1, 1, 2, 3))):
        at = draw.randrange(len(lines))
        key, colon, _ = lines[at].partition(":")
        kind = draw.randrange(6)
        if kind == 0:
            del lines[at : at + 1]
            lines = lines or ["x"]
        elif kind == 1:
            lines.insert(at, draw.choice(ODD_YAML))
        elif kind == 2:
            lines.insert(at, lines[draw.randrange(len(lines))])
        elif colon:
            odd = draw.choice((draw.choice(ODD_YAML), json.dumps(draw.choice(ODD_VALUES))))
            lines[at] = f"{key}: {odd}"
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


# --- kinds: what makes a sound thing, which files of it are changed and how, and what reads it

Change = Callable[[random.Random, bytes], bytes]
Kind = tuple[Path, list[tuple[Path, Change]], Callable[[], object]]  # folder, files in it, reader


def command(*words: str) -> Callable[[], object]:
    """Run a command as the terminal does, but with its exceptions."""

    def run() -> None:
        import click

        from rnnsweep.cli.entry import commands

        with suppress(click.ClickException, click.Abort):
            commands.main(list(words), prog_name="rnnsweep", standalone_mode=False)

    return run


def all_of(*readers: Callable[[], object]) -> Callable[[], object]:
    """Run several readers, each as if it were alone."""

    def run() -> None:
        from rnnsweep.errors import UserError

        for reader in readers:
            try:
                reader()
            except UserError:
                continue

    return run


def made_sweep(home: Path) -> Path:
    """A finished sweep of two architectures, made by the engine on scripts; gives its folder."""
    from benchmarks._no_records import NoRecords
    from simulation import PLAIN, FakeClock, FakeLauncher, Script, without_waiting, write_sweep

    from rnnsweep.engine import run_sweep

    clock = FakeClock()
    draw = random.Random(1)

    def script(task: Any, life: int) -> Script:
        return Script(scores=tuple(draw.random() for _ in range(3)))

    asked = write_sweep(home / "sweeps", PLAIN)
    with without_waiting():
        run_sweep(
            asked,
            mlruns=home / "mlruns",
            launcher=FakeLauncher(clock, script),
            clock=clock,
            records=NoRecords(),
            prepare=lambda config: "digest",
            sizes=lambda config: (100, 3),
            conf=ROOT / "conf",
        )
    return home / "mlruns" / "sweeps" / asked.name


def ledger(home: Path) -> Kind:
    folder = made_sweep(home)
    return folder, [(folder / "ledger.jsonl", change_json_lines)], command("status", "toy", "--json")


def journal(home: Path) -> Kind:
    folder = made_sweep(home)

    def resume() -> None:
        from rnnsweep.errors import UserError
        from rnnsweep.search.journal import open_journal, refusing_damage
        from rnnsweep.state.folder import SweepFolder

        try:
            import optuna

            storage = open_journal(SweepFolder(folder))
            with refusing_damage(folder / "journal.log"):
                for study in storage.get_all_studies():
                    optuna.load_study(study_name=study.study_name, storage=storage).get_trials()
        except UserError:
            pass

    readers = all_of(command("export", "toy"), resume, command("status", "toy"))
    return folder, [(folder / "journal.log", change_json_lines)], readers


def start(home: Path) -> Kind:
    folder = made_sweep(home)

    def resume() -> None:
        from rnnsweep.state.start import begin
        from rnnsweep.sweepfile import read_sweep

        asked = read_sweep(home / "sweeps" / "toy.yaml")
        begin(asked, mlruns=home / "mlruns", conf=ROOT / "conf", corpus="digest", accept_changes=True)

    readers = all_of(resume, command("status", "toy"), command("export", "toy"))
    return folder, [(folder / "start.json", change_json_file)], readers


def outcome(home: Path) -> Kind:
    from rnnsweep.state.outcome import Outcome

    folder = home / "mlruns" / "sweeps" / "x" / "trials" / "lstm-0"
    folder.mkdir(parents=True)
    Outcome("complete", scores={"validation": 0.5, "epochs": 1.0, "seconds": 3.0, "parameters": 9}).write(
        folder
    )

    def read() -> None:
        found = Outcome.read(folder)
        if found is not None:
            assert found.state in ("complete", "pruned", "failed", "interrupted"), found.state
            assert found.validation is None or isinstance(found.validation, float)
            assert found.cause is None or isinstance(found.cause, str)
            assert found.reason is None or isinstance(found.reason, str)
            assert found.scores.get("epochs", 0) is not None

    return folder, [(folder / "outcome.json", change_json_file)], read


def sweep_file(home: Path) -> Kind:
    paths = [home / "sweeps" / path.name for path in sorted((ROOT / "sweeps").glob("*.yaml"))]
    for path in paths:
        path.write_bytes((ROOT / "sweeps" / path.name).read_bytes())

    def read() -> None:
        from rnnsweep.sweepfile import read_sweep

        for path in paths:
            if path.read_bytes() != (ROOT / "sweeps" / path.name).read_bytes():
                read_sweep(path)

    return home / "sweeps", [(path, change_yaml) for path in paths], read


@functools.cache
def made_store(folder: Path) -> Path:
    """Make an empty store once for all kinds; return its folder."""
    from rnnsweep.tracking.store.store import ensure_store

    mlruns = folder / "store" / "mlruns"
    mlruns.mkdir(parents=True)
    ensure_store(mlruns)
    return mlruns


def draw_once() -> None:
    """Draw each picture of the same points once: drawing takes ten times as long as all else of a change."""
    import matplotlib.font_manager  # noqa: F401 (it lists the fonts once, by a program)

    from rnnsweep.tracking.ship import attachment, picture

    drawn: dict[str, bytes] = {}

    def draw_curves(*values: Any, **named: Any) -> bytes:
        key = repr((values, named))
        if key not in drawn:
            drawn[key] = picture.draw_curves(*values, **named)
        return drawn[key]

    attachment.draw_curves = draw_curves


def spool(home: Path) -> Kind:
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 (so that it ships in this process)

    from rnnsweep.tracking import dataset_parts
    from rnnsweep.tracking.spool.record import RunRecord
    from rnnsweep.tracking.store.store import repair_if_moved

    draw_once()
    mlruns = home / "mlruns"
    shutil.copytree(made_store(home.parents[1]), mlruns)
    repair_if_moved(mlruns)
    record = RunRecord.open(
        mlruns,
        experiment="exp",
        name="a run",
        key="a",
        tags={"rnnsweep.role": "single"},
        params={"optimizer.lr": 0.1},
        datasets=dataset_parts("rows", {"train": "0" * 64}),
        config_yaml="a: 1\n",
    )
    record.metrics({"validation/accuracy": 0.5}, step=1)
    record.end("complete")

    def sync() -> None:
        from rnnsweep.tracking import sync

        sync(mlruns, deadline_s=0.1)

    folder = mlruns / "spool"
    return folder, [(folder / "a.jsonl", change_json_lines)], sync


def note(home: Path) -> Kind:
    folder, _, sync = spool(home)
    (folder / "notes" / "a.json").write_text(
        json.dumps(
            {
                "file": "0",
                "offset": 5,
                "destination": "local",
                "run_id": "0" * 32,
                "experiment_id": "0",
                "state": "complete",
                "points": 3,
                "refused": 0,
                "files": [{"file": "0/config.yaml", "name": "config.yaml"}],
                "steps": {"m": 3},
            }
        )
    )
    return folder, [(folder / "notes" / "a.json", change_json_file)], sync


def model(home: Path) -> Kind:
    from small_models import small_model

    from rnnsweep.models import read_model, write_model

    folder = home / "model"
    write_model(small_model(), folder, card="# A model")
    changes = {".json": change_json_file, ".safetensors": change_safetensors, ".md": change_bytes}
    files = [(path, changes[path.suffix]) for path in sorted(folder.iterdir())]
    return folder, files, lambda: read_model(folder).predict(["a text", ""])


def change_safetensors(draw: random.Random, data: bytes) -> bytes:
    """Change the list of tensors, or any bytes."""
    if draw.random() < 0.4:
        return change_bytes(draw, data)
    size = int.from_bytes(data[:8], "little")
    header = json.dumps(change_json(draw, json.loads(data[8 : 8 + size]))).encode()
    length = draw.choice((len(header), len(header), len(header), 2**63, 0, len(header) + 1))
    return length.to_bytes(8, "little") + header + data[8 + size :]


def checkpoint(home: Path) -> Kind:
    import torch
    from small_models import small_model

    from rnnsweep.training import checkpoint as checkpoints

    network = small_model().network
    content = {
        "identity": {"model": "x"},
        "weights": network.state_dict(),
        "training": {"step": 3, "moments": [torch.zeros(3)]},
        "kept": {"best": None, "waited": 0, "seconds": 1.0, "validating": 0.0},
        "random": checkpoints.random_states(1),
        "callbacks": {},
    }
    folder = home / "checkpoints"
    checkpoints.write(content, folder / "last.ckpt")

    def read() -> None:
        found = checkpoints.read(folder / "last.ckpt")
        checkpoints.load_weights(network, found, folder / "last.ckpt")

    return folder, [(folder / "last.ckpt", change_bytes)], read


def parquet(home: Path) -> Kind:
    import pyarrow
    import pyarrow.parquet

    path = home / "rows.parquet"
    rows = {"text": [f"word{n % 7} other{n % 3}" for n in range(60)], "label": ["a", "b", "c"] * 20}
    pyarrow.parquet.write_table(pyarrow.table(rows), path)

    def read() -> None:
        from rnnsweep.config import compose
        from rnnsweep.data import prepare

        prepare(compose(["data=files", f"data.train={path}"]).data)

    return home, [(path, change_bytes)], read


def npz(home: Path) -> Kind:
    import numpy as np

    path = home / "test_predictions.npz"
    targets = np.arange(300) % 3
    arrays = {"rows_N": targets, "targets_N": targets, "predictions_N": targets, "confidence_N": targets / 3}
    np.savez_compressed(path, **arrays)

    def read() -> None:
        from rnnsweep.comparison.predictions import read_predictions

        found = read_predictions(path)
        if found is not None:
            assert len(found.targets_N) == len(found.predictions_N)
            assert found.targets_N.sum() + found.predictions_N.sum() != "a number"

    return home, [(path, change_bytes)], read


def vectors(home: Path) -> Kind:
    import numpy as np

    words = [f"word{n}" for n in range(50)]
    draw = np.random.default_rng(1)
    numbers = draw.normal(size=(50, 8)).astype(np.float32)
    text = "\n".join(f"{w} {' '.join(map(str, row))}" for w, row in zip(words, numbers, strict=True)) + "\n"
    (home / "glove.txt").write_text(text)
    (home / "word2vec.txt").write_text(f"50 8\n{text}")
    binary = b"".join(
        w.encode() + b" " + row.tobytes() + b"\n" for w, row in zip(words, numbers, strict=True)
    )
    (home / "word2vec.bin").write_bytes(b"50 8\n" + binary)
    paths = [home / name for name in ("glove.txt", "word2vec.txt", "word2vec.bin")]

    def read() -> None:
        from rnnsweep.data.word_vectors.files import read_vectors

        for path in paths:
            read_vectors(path, ["", "?", *words])

    return home, [(path, change_bytes) for path in paths], all_of(read)


KINDS = {
    maker.__name__: maker
    for maker in (
        *(journal, ledger, spool, note, start, outcome, sweep_file, model, checkpoint, parquet, npz, vectors),
    )
}


# --- watching

WRITES = {
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.symlink",
    "os.link",
    "os.truncate",
    "os.chmod",
}
NEVER = {
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "socket.connect",
    "socket.bind",
}


class Watch:
    """Notes every write outside of some folders, every program and every connection of this process."""

    def __init__(self) -> None:
        self.inside: list[Path] = []
        self.seen: list[str] = []
        self.on = False
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in NEVER:
            self.seen.append(f"{event} {arguments!r}"[:300])
        elif event == "open" and self._writes(arguments[1], arguments[2]):
            self._look(event, arguments[0])
        elif event in WRITES:
            paths = {"os.rename": arguments[:2], "os.link": arguments[:2], "os.symlink": arguments[1:2]}
            folder = arguments[-1] if event in ("os.remove", "os.rmdir", "os.mkdir", "os.chmod") else -1
            for path in paths.get(event, arguments[:1]):
                self._look(event, path, folder=folder)

    @staticmethod
    def _writes(mode: Any, flags: Any) -> bool:
        if isinstance(mode, str):
            return any(letter in mode for letter in "wax+")
        return (
            bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
            if isinstance(flags, int)
            else False
        )

    def _look(self, event: str, path: Any, *, folder: int = -1) -> None:
        if isinstance(path, int):
            return
        above = os.readlink(f"/proc/self/fd/{folder}") if folder >= 0 else ""
        where = os.path.realpath(os.path.join(above, os.fsdecode(path)))
        inside = any(where.startswith(f"{folder}{os.sep}") for folder in self.inside)
        if not inside and where != "/dev/null":
            self.seen.append(f"{event} {where}")


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TooLong in what takes longer than it may."""

    def ring(*_: object) -> None:
        raise TooLong

    # of the processor; by the clock a busy machine may take longer
    timers = {signal.ITIMER_PROF: seconds, signal.ITIMER_REAL: BUSY * seconds}
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, ring)
    try:
        for timer, limit in timers.items():
            signal.setitimer(timer, limit)
        yield
    finally:
        for timer in timers:
            signal.setitimer(timer, 0)


def forget_peak() -> None:
    """Let the kernel count the most memory anew, so that what one change took does not hide the next."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Return the most memory that this process had since `forget_peak`, in bytes."""
    try:
        fields = Path("/proc/self/status").read_text().split()
        return int(fields[fields.index("VmHWM:") + 1]) << 10
    except (OSError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def attempt(read: Callable[[], object], *, seconds: float = SECONDS) -> str:
    """Read once; say what went wrong, or nothing."""
    from rnnsweep.errors import UserError

    try:
        with limited(seconds):
            read()
    except UserError as error:
        return f"a refusal of {len(str(error).splitlines())} lines" if str(error).count("\n") > 1 else ""
    except TooLong:
        return f"more than {SECONDS} s:\n{traceback.format_exc()}"
    except Exception:
        return traceback.format_exc()
    return ""


def fuzz(name: str, count: int, seed: int, folder: Path, watch: Watch) -> list[str]:
    """Make `count` changes; return what went wrong."""
    home = folder / "home"
    (home / "sweeps").mkdir(parents=True)
    (home / "conf").symlink_to(ROOT / "conf")
    os.environ["RNNSWEEP_HOME"] = str(home)
    place, files, read = KINDS[name](home)
    sound = folder / "sound"
    shutil.copytree(place, sound, symlinks=True)
    fault = attempt(read, seconds=300)  # libraries are imported and loops compiled here
    if fault:
        return [f"the sound one is refused:\n{fault}"]
    draw, faults = random.Random(seed), []
    for number in range(count):
        shutil.rmtree(place)
        shutil.copytree(sound, place, symlinks=True)
        path, change = draw.choice(files)
        path.write_bytes(change(draw, (sound / path.relative_to(place)).read_bytes()))
        (folder / "last").write_bytes(path.read_bytes())  # to look at, where the process dies
        forget_peak()
        before = peak()
        watch.on = True
        fault = attempt(read)
        watch.on = False
        if watch.seen:
            fault = f"{fault}\nreached outside: {watch.seen[:3]}"
            watch.seen.clear()
        if peak() - before > MEMORY:
            fault = f"{fault}\nmore than {MEMORY >> 20} MB"
        if fault:
            kept = folder / f"fault-{number}"
            kept.write_bytes((folder / "last").read_bytes())
            faults.append(f"{path.name}, change {number} (in {kept}): {fault}")
        if len(faults) >= MOST_REPORTED:
            break
    return faults


def main(names: str, count: str, seed: str, folder: str) -> None:
    """Fuzz kinds, one after the other, each in a folder of its own."""
    place = Path(folder).resolve()
    place.mkdir(parents=True, exist_ok=True)
    own = {
        "HOME": "h",
        "TMPDIR": "t",
        "RNNSWEEP_CACHE": "c",
        "XDG_CACHE_HOME": "h/.cache",
        "MPLCONFIGDIR": "m",
    }
    for variable, below in own.items():
        (place / below).mkdir(parents=True, exist_ok=True)
        os.environ[variable] = str(place / below)
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    sys.dont_write_bytecode = True
    time.sleep = lambda seconds: None  # what waits for a server need not be waited for
    answer = os.fdopen(os.dup(1), "w")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    watch, faults, seconds = Watch(), {}, {}
    for name in names.split(","):
        watch.inside = [place / name / "home", *(place / below for below in own.values())]
        began = time.process_time()
        try:
            faults[name] = fuzz(name, int(count), int(seed), place / name, watch)
        except BaseException:  # standard error is closed: the answer has to name what ended the kind
            watch.on = False
            faults[name] = [traceback.format_exc()]
        seconds[name] = round(time.process_time() - began, 1)
    print(json.dumps({"faults": faults, "seconds": seconds}), file=answer, flush=True)
    os._exit(0)  # threads that a library started are not waited for


if __name__ == "__main__":
    main(*sys.argv[1:])
