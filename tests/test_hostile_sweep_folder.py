"""A sweep's folder with links in the place of its files: going on with it writes nowhere else."""

from contextlib import suppress

import pytest
from test_cleaning import go

from rnnsweep.errors import UserError

MINE = "alias ls=ls\n"
FILES = (
    "controller.json",
    "controller.lock",
    "start.json",
    "sweep.yaml",
    "ledger.jsonl",
    "journal.log",
    "looks.jsonl",
    "test_reads.jsonl",
    "report.html",
    "room.probe",
    "trials/rnn-0/outcome.json",
    "trials/rnn-0/lease.json",
)


@pytest.mark.parametrize("name", FILES)
def test_a_sweep_goes_on_without_writing_through_a_link(home, tmp_path, name):
    folder = go(home)
    mine = tmp_path / "bashrc"
    mine.write_text(MINE)
    link = folder / name
    link.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(mine)
    with suppress(UserError, OSError):
        go(home, trials=4)
    assert mine.read_text() == MINE


@pytest.mark.parametrize(
    "name", ["sweeps", "sweeps/toy", "sweeps/toy/conf", "sweeps/toy/trials", "sweeps/toy/inbox"]
)
def test_a_sweep_writes_into_no_linked_folder(home, tmp_path, name):
    import shutil

    from rnnsweep.state.folder import SweepFolder

    go(home)
    away, place = tmp_path / "away", home / "mlruns" / name
    away.mkdir()
    if place.exists():
        shutil.rmtree(place)
    place.symlink_to(away)
    with suppress(UserError, OSError):
        go(home, trials=4)
    with suppress(UserError, OSError):
        SweepFolder.of(home / "mlruns", "toy")
    assert list(away.iterdir()) == []
