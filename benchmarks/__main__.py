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
        "and `benchmarks.json`. Figures are medians; the ratio says how many times better ours is.",
        "Absolute figures move with the machine's load: read the ratios.",
        "",
        f"* {hardware()}",
        f"* {versions()}",
        f"* {time.strftime('%Y-%m-%d')}, commit {commit}",
        "",
        "| case | ours | other | unit | ratio (range) | other is |",
        "|---|---:|---:|---|---:|---|",
    ]
    for row in rows:
        spread = row.get("range")
        ratio = figure(row["ratio"]) + (f" ({figure(spread[0])} to {figure(spread[1])})" if spread else "")
        cells = (
            row["case"],
            figure(row["ours"]),
            figure(row["other"]),
            row["unit"],
            ratio,
            row["other_name"],
        )
        lines.append(f"| {' | '.join(cells)} |")
    notes = [f"* {row['case']}: {row['note']}" for row in rows if row.get("note")]
    return "\n".join([*lines, "", *notes, ""])


def cases() -> list[str]:
    """The modules here that measure something; others, as `chaos`, are tools of their own."""
    every = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))
    return [name for name in every if hasattr(importlib.import_module(f"benchmarks.{name}"), "run")]


def main(names: list[str]) -> None:
    """Run the named cases, or all; a partial run prints and writes nothing."""
    rows: list[dict] = []
    for name in names or cases():
        print(f"benchmarks.{name} ...", file=sys.stderr, flush=True)
        found = importlib.import_module(f"benchmarks.{name}").run()
        rows += found
        print(json.dumps(found, indent=1), file=sys.stderr, flush=True)
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    page = markdown(rows, git.stdout.strip() or "unknown")
    print(page)
    if not names:
        DOCS.mkdir(exist_ok=True)
        (DOCS / "benchmarks.md").write_text(page)
        (DOCS / "benchmarks.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
