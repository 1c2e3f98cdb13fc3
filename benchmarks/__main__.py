"""Run every case and write docs/benchmarks.md and docs/benchmarks.json."""

import ast
import importlib
import json
import os
import pkgutil
import platform
import re
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import benchmarks

DOCS = Path(__file__).resolve().parents[1] / "docs"


def hardware() -> str:
    """One line on the machine."""
    import psutil
    import torch

    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            x.split(":")[1].strip() for x in cpuinfo.read_text().splitlines() if x.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.release()}"
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}, {gpu}"


def versions() -> str:
    """The versions that decide the figures."""
    names = ("torch", "pytorch-lightning", "optuna", "mlflow", "hydra-core", "numpy")
    return f"Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in names)


def figure(value: float | None) -> str:
    """Three significant digits, thousands separated."""
    if value is None:
        return "not measured"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


INTRODUCTION = """\
`make bench` runs each case of rnnsweep ("ours") in turn with what one would use instead ("other"). It
writes this page and `benchmarks.json`. `python -m benchmarks NAME` renews the rows of one module.
Figures are medians. The ratio says how many times better ours is. Of several rounds it is the median of
their ratios, which may differ from the quotient of the two medians. Absolute figures depend on the
machine's load, so read the ratios. The last column names the day and the commit.

In the names of cases, `lstm 64/32` is an LSTM with embeddings of 64 numbers and 32 hidden units. *Lazy*
updates of the embedding change only the rows that a batch uses. *The lesson's loop* is a simple training
loop from the notebooks with which this project began.

The factor to quote is that over a well-written PyTorch loop, at the default settings with their
dropout: rows `train, the defaults`. The rows after it are about the lesson's loop, with
`Adam(fused=True)` and as it is. Most of the factor over the lesson's loop comes from its dense optimiser.
Half of that is memory which the C library returns to the system at each step. Rows `what a part is
worth` switch off one part of ours at a time. Rows `every setting` compare each optimiser, precision and
cell with PyTorch's own. Rows `beside NAME` are whole commands of other tools in wall clock time, each in
its own environment: a search of two architectures, then seeds of each winner. The notes name the sizes."""
HEADER = (
    "| case | ours | other | unit | ratio (range) | other is | measured at |",
    "|---|---:|---:|---|---:|---|---|",
)
# what readers look for first; the rest follow by name
ORDER = ("factor", "peers", "every_setting", "throughput", "throughput_cells", "throughput_large", "lengths")


def markdown(rows: list[dict], commit: str) -> str:
    """Return the page: how it was measured, then a section with a table for each module."""
    lines = [
        "# Benchmarks",
        "",
        INTRODUCTION,
        "",
        f"* {hardware()}; rows of other commits were measured on other machines of two cores",
        f"* {versions()}",
        f"* {time.strftime('%Y-%m-%d')}, commit {commit}",
    ]
    names = {row["benchmark"] for row in rows}
    for name in [*(name for name in ORDER if name in names), *sorted(names.difference(ORDER))]:
        lines += [
            "",
            f"## {title(name)}",
            "",
            *section([row for row in rows if row["benchmark"] == name], commit),
        ]
    return "\n".join([*lines, ""])


def title(name: str) -> str:
    """Return what a module measures: its docstring as far as the first colon or full stop."""
    source = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    text = " ".join((ast.get_docstring(ast.parse(source)) or name).split("\n\n")[0].split())
    return re.split(r"[.:](?:\s|$)", text)[0]


def section(rows: list[dict], commit: str) -> list[str]:
    """Return the table of one module's rows, with numbered notes; one that all rows have needs no number."""
    today = f"{time.strftime('%Y-%m-%d')} {commit}"
    notes = list(dict.fromkeys(row["note"] for row in rows if row.get("note")))
    of_all = len(notes) == 1 and all(row.get("note") for row in rows)
    lines = list(HEADER)
    for row in rows:
        spread = row.get("range")
        is_divided = row.get("ratio") is not None or not row["ours"]
        ratio = (figure(row.get("ratio")) if is_divided else "none") + (
            f" ({figure(spread[0])} to {figure(spread[1])})" if spread else ""
        )
        case = row["case"]
        if row.get("note") and not of_all:
            case += f" [{notes.index(row['note']) + 1}]"
        figures = (figure(row["ours"]), figure(row["other"]), row["unit"], ratio)
        lines.append(f"| {' | '.join((case, *figures, row['other_name'], row.get('measured', today)))} |")
    said = notes if of_all else [f"[{number}] {note}" for number, note in enumerate(notes, 1)]
    return [*lines, "", *(f"* {note}" for note in said)] if notes else lines


def cases() -> list[str]:
    """The modules here that measure something; others, as `chaos`, are tools of their own."""
    every = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))
    return [name for name in every if hasattr(importlib.import_module(f"benchmarks.{name}"), "run")]


def merged(before: list[dict], found: list[dict]) -> list[dict]:
    """Put new rows in the place of those of the same case; rows that are not measured anew stay."""
    new = {row["case"]: row for row in found}
    kept = [new.pop(row["case"], row) for row in before]
    return [*kept, *new.values()]


def commit() -> str:
    """The commit that is measured."""
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return git.stdout.strip() or "unknown"


def main(names: list[str]) -> int:
    """Run the named cases and put their rows into the page, or all cases; give the exit status."""
    if not names:
        return every()
    for name in names:
        print(f"benchmarks.{name} ...", file=sys.stderr, flush=True)
        module = importlib.import_module(f"benchmarks.{name}")
        if hasattr(module, "renew"):  # it writes tables of its own page
            module.renew()
            continue
        found = module.run()
        print(json.dumps(found, indent=1), file=sys.stderr, flush=True)
        stamp = f"{time.strftime('%Y-%m-%d')} {commit()}"
        write(merged(before(), [row | {"benchmark": name, "measured": stamp} for row in found]))
    print((DOCS / "benchmarks.md").read_text())
    return 0


def every() -> int:
    """Run all cases, each in a process of its own; one that fails keeps its old rows and stops no other.

    Rows that no case measures any more go.
    """
    failed = [name for name in cases() if alone(name)]
    if failed:
        print(f"not measured anew, see above: {', '.join(failed)}", file=sys.stderr)
    else:
        write([row for row in before() if row["measured"].endswith(f" {commit()}")])
    print((DOCS / "benchmarks.md").read_text())
    return 1 if failed else 0


def alone(name: str) -> int:
    """Run one case in a fresh process; give its exit status."""
    words = [sys.executable, "-m", "benchmarks", name]
    return subprocess.run(words, stdout=subprocess.DEVNULL, check=False).returncode


def before() -> list[dict]:
    """Return the rows that were written last; none where there is no page yet."""
    path = DOCS / "benchmarks.json"
    return json.loads(path.read_text()) if path.is_file() else []


def write(rows: list[dict]) -> None:
    """Write the page and the same as JSON."""
    DOCS.mkdir(exist_ok=True)
    (DOCS / "benchmarks.md").write_text(markdown(rows, commit()))
    (DOCS / "benchmarks.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
