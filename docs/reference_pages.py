"""Writes the reference pages of keys from the typed settings: one source for docs and help."""

import sys
from collections.abc import Iterable
from pathlib import Path

import yaml

from rnnsweep.config import explain_run_keys
from rnnsweep.machine import explain_machine_keys
from rnnsweep.settings import Explanation
from rnnsweep.sweepfile.explanations import explain_sweep_keys

RUN = """# Run settings

Every key of a run. Set one on the command line (`rnnsweep train optimizer.lr=0.01`), in a file of `conf/`,
or under `overrides:` in a sweep file. `rnnsweep config` prints the values of a run, and
`rnnsweep config --explain KEY` one row of this page.
"""
SWEEP = """# Keys of a sweep file

Every key of a file of `sweeps/`. [Sweep files](../sweep_files.md) says what they are for.
`rnnsweep config --explain KEY` prints one row of this page; `rnnsweep schema` writes the same as a JSON
schema for editors. `space.KEY` is any searched key, such as `space.optimizer.lr`.
"""
MACHINE = """# Keys of a machine's file

Every key of a file of `conf/machine/`. [Machines](../machines.md) says what they are for; in the file
they are written without `machine.`.
`rnnsweep config --explain machine.KEY` prints one row of this page.
"""
HEAD = "| key | type | default | meaning | example |\n|---|---|---|---|---|\n"


def write_pages(folder: Path) -> None:
    """Write a page of keys for each kind of file; a page that is up to date is left alone."""
    run = explain_run_keys().values()
    pages = {
        "run_settings.md": RUN + _sections(run, assigned="="),
        "machine_keys.md": MACHINE + _sections(explain_machine_keys().values(), assigned=": "),
        "sweep_keys.md": SWEEP + _sections(explain_sweep_keys().values(), assigned=": "),
    }
    for name, text in pages.items():
        page = folder / name
        if not page.is_file() or page.read_text() != text:
            page.write_text(text)


def _sections(keys: Iterable[Explanation], *, assigned: str) -> str:
    """Return a table for each section: keys with the same first part, those without a dot together."""
    keys = list(keys)
    parts: dict[str, list[Explanation]] = {}
    for one in keys:
        parts.setdefault(one.key.partition(".")[0] if "." in one.key else "", []).append(one)
    tables = []
    for part, rows in parts.items():
        title = f"`{part}.*`" if part else "Groups and single keys" if assigned == "=" else "Keys of the file"
        tables.append(f"\n## {title}\n\n{HEAD}{''.join(_row(one, assigned) for one in rows)}")
    return "".join(tables)


def _row(one: Explanation, assigned: str) -> str:
    kind = one.type + (f", {one.range}" if one.range else "")
    if one.choices:
        kind = ", ".join(f"`{_yaml(choice)}`" for choice in one.choices)
    meaning = one.meaning + (f"; null {one.null}" if one.null else "")
    key = one.key if assigned == "=" else one.key.rpartition(".")[2]
    example = one.example if assigned == "=" else _yaml(one.example)
    cells = (f"`{one.key}`", kind, f"`{_yaml(one.default)}`", meaning, f"`{key}{assigned}{example}`")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _yaml(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False)
    return text.removesuffix("...\n").strip()


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "reference")
