"""Run every case and write docs/benchmarks.md and docs/benchmarks.json."""

import importlib
import json
import os
import pkgutil
import platform
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

    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            x.split(":")[1].strip() for x in cpuinfo.read_text().splitlines() if x.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, no GPU"
    )


def versions() -> str:
    """The versions that decide the figures."""
    names = ("torch", "pytorch-lightning", "optuna", "mlflow", "hydra-core", "numpy")
    return f"Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in names)


def figure(value: float | None) -> str:
    """Three significant digits, thousands separated."""
    if value is None:
        return "not measured"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def markdown(rows: list[dict], commit: str) -> str:
    """The page: how it was measured, then a table."""
    lines = [
        "# Benchmarks",
        "",
        "`make bench` runs each case beside what one would do instead, interleaved, and writes this page",
        "and `benchmarks.json`; `python -m benchmarks NAME` renews the rows of one module.",
        "Figures are medians; the ratio says how many times better ours is.",
        "Absolute figures move with the machine's load: read the ratios.",
        "",
        f"* {hardware()}",
        f"* {versions()}",
        f"* {time.strftime('%Y-%m-%d')}, commit {commit}",
        "",
        "| case | ours | other | unit | ratio (range) | other is | measured at |",
        "|---|---:|---:|---|---:|---|---|",
    ]
    for row in rows:
        spread = row.get("range")
        ratio = figure(row.get("ratio")) + (
            f" ({figure(spread[0])} to {figure(spread[1])})" if spread else ""
        )
        cells = (
            row["case"],
            figure(row["ours"]),
            figure(row["other"]),
            row["unit"],
            ratio,
            row["other_name"],
            row.get("measured", f"{time.strftime('%Y-%m-%d')} {commit}"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    notes = [f"* {row['case']}: {row['note']}" for row in rows if row.get("note")]
    return "\n".join([*lines, "", *notes, ""])


def cases() -> list[str]:
    """The modules here that measure something; others, as `chaos`, are tools of their own."""
    every = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))
    return [name for name in every if hasattr(importlib.import_module(f"benchmarks.{name}"), "run")]


def merged(before: list[dict], found: list[dict]) -> list[dict]:
    """Put new rows in the place of those of the same case; rows that are not measured anew stay."""
    new = {row["case"]: row for row in found}
    kept = [new.pop(row["case"], row) for row in before]
    return [*kept, *new.values()]


def main(names: list[str]) -> None:
    """Run all cases and write the page, or the named ones and put their rows into it."""
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    commit = git.stdout.strip() or "unknown"
    rows: list[dict] = json.loads((DOCS / "benchmarks.json").read_text()) if names else []
    for name in names or cases():
        print(f"benchmarks.{name} ...", file=sys.stderr, flush=True)
        found = importlib.import_module(f"benchmarks.{name}").run()
        print(json.dumps(found, indent=1), file=sys.stderr, flush=True)
        rows = merged(rows, [row | {"measured": f"{time.strftime('%Y-%m-%d')} {commit}"} for row in found])
    write(rows, commit)


def write(rows: list[dict], commit: str) -> None:
    """Write the page and the same as JSON."""
    page = markdown(rows, commit)
    print(page)
    DOCS.mkdir(exist_ok=True)
    (DOCS / "benchmarks.md").write_text(page)
    (DOCS / "benchmarks.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
