"""`clean` and disk use: what nothing needs goes when asked twice, what a sweep needs never."""

import json
import re

import pytest
from simulation import FakeClock, FakeLauncher, PowerCut, Script, run_simulated, without_waiting, write_sweep
from test_api import colours

import rnnsweep
from rnnsweep.api import clean, disk_use
from rnnsweep.cli import main
from rnnsweep.errors import UserError
from rnnsweep.state.folder import SweepFolder


@pytest.fixture(autouse=True, scope="module")
def many_sweeps():
    with without_waiting():
        yield


def go(home, *, name="toy", cut=False, **changes):
    """Run a sweep of two architectures; rnn-1 fails; each task leaves a checkpoint of 1,000 bytes."""

    def script(task, life):
        place = task.folder / "checkpoints"
        place.mkdir(parents=True, exist_ok=True)
        (place / "best.ckpt").write_bytes(b"w" * 1000)
        if cut and task.name == "rnn-2":
            raise PowerCut
        return Script((), end="failed", cause="time limit") if task.name == "rnn-1" else Script()

    fake = FakeLauncher(FakeClock(), script)
    sweep = write_sweep(home, **{"name": name, **changes})
    try:
        run_simulated(
            sweep,
            home,
            fake,
        )
    except PowerCut:
        assert cut
    return home / "mlruns" / "sweeps" / name


def checkpoints(folder):
    return {path.parent.parent.name for path in folder.glob("trials/*/checkpoints/best.ckpt")}


def test_a_dry_run_changes_nothing_and_yes_removes_only_losers(home):
    folder = go(home, replicates=3)
    before = checkpoints(folder)
    seen = clean()
    assert (seen.done, checkpoints(folder)) == (False, before)
    losers = {one.what.split()[0] for one in seen.removals}
    assert seen.size == 1000 * len(losers)
    assert "rnn-1" not in losers  # it failed: `retry` may go on with it
    done = clean(yes=True)
    assert done.done
    assert checkpoints(folder) == before - losers
    kept = checkpoints(folder) - {"rnn-1", "linear"}
    by_kind = sorted((name.split("-")[0], "r" in name.split("-")[-1]) for name in kept)
    assert (
        len(by_kind) == len(set(by_kind)) == 4
    )  # of each architecture the best trial and the best replicate
    assert clean().removals == ()


def test_the_best_of_the_search_keeps_its_checkpoint(home):
    folder = go(home)
    ends = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    scores = {one["name"]: one.get("validation") for one in ends if one["event"] == "end"}
    clean(yes=True)
    for architecture in ("rnn", "gru"):
        own = {n: s for n, s in scores.items() if n.startswith(f"{architecture}-") and s is not None}
        own = {n: s for n, s in own.items() if "-r" not in n}
        if own:
            assert max(own, key=own.__getitem__) in checkpoints(folder)


def test_a_sweep_that_can_be_gone_on_with_is_left_alone(home):
    folder = go(home, cut=True)
    before = checkpoints(folder)
    found = clean(yes=True)
    assert found.kept == {"toy": "it can be resumed"}
    assert (found.removals, checkpoints(folder)) == ((), before)


def test_a_running_sweep_is_left_alone(home):
    folder = go(home)
    before = checkpoints(folder)
    with SweepFolder(folder).hold():
        found = clean(yes=True)
    assert found.kept == {"toy": "it is running"}
    assert checkpoints(folder) == before


def test_a_link_among_checkpoints_is_not_followed(home, tmp_path):
    go(home)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years")
    loser, other = (one.paths[0] for one in clean().removals[:2])
    (loser / "best.ckpt").unlink()
    loser.rmdir()
    loser.symlink_to(precious)
    (other / "away").symlink_to(precious)
    with pytest.raises(UserError, match=f"{loser}: is a link to {precious}"):
        clean(yes=True)
    assert loser.is_symlink()
    assert (other / "best.ckpt").exists()  # nothing is removed before the link is refused
    loser.unlink()
    clean(yes=True)
    assert (precious / "thesis.txt").read_text() == "years"
    assert not other.exists()


def test_the_command_says_what_may_go_and_how(home, capsys):
    go(home)
    assert main(["clean"]) == 0
    said = capsys.readouterr()
    assert "may go:" in said.out
    assert re.search(r"B  sweep toy: \d checkpoint folders? of losers$", said.out, re.MULTILINE)
    assert "/checkpoints" not in said.out
    assert "each with its folder: rnnsweep clean --details" in said.err
    assert "remove it with: rnnsweep clean --yes" in said.err
    assert main(["clean", "--details"]) == 0
    assert "of sweep toy: checkpoints of a loser" in (every := capsys.readouterr().out)
    assert "/checkpoints" in every
    assert main(["clean", "toy", "--yes", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["done"], found["kept"]) == (True, {})
    assert found["bytes"] == sum(one["bytes"] for one in found["removals"]) > 0
    assert main(["clean"]) == 0
    assert capsys.readouterr().out == "nothing to remove\n"


def test_an_unknown_sweep_is_refused(home):
    go(home)
    with pytest.raises(UserError, match=r"no such sweep.*Did you mean 'toy'"):
        clean("toi")


def test_an_empty_project_has_nothing_to_clean(home):
    assert clean(yes=True).removals == ()
    assert not (home / "mlruns").exists()


def test_status_shows_what_a_sweep_takes(home, capsys):
    folder = go(home)
    number = len(checkpoints(folder))
    assert disk_use("toy").checkpoints == 1000 * number
    assert main(["status", "toy"]) == 0
    assert f"checkpoints {number}" in capsys.readouterr().out.replace(".00 kB", "")
    assert main(["status", "toy", "--json"]) == 0
    disk = json.loads(capsys.readouterr().out)["disk"]
    assert disk["checkpoints"] == 1000 * number
    assert disk["other"] > 0


@pytest.mark.slow
def test_runs_that_were_deleted_in_the_ui_lose_their_files_and_others_do_not(home, tmp_path):
    colours(tmp_path / "rows.csv")
    small = [
        "data=files",
        f"data.train={tmp_path / 'rows.csv'}",
        "trainer.max_epochs=1",
        "model.hidden_size=4",
    ]
    gone, kept = rnnsweep.train(small), rnnsweep.train([*small, "seed=2"])
    from rnnsweep.tracking.store.store import open_client

    client = open_client(home / "mlruns", "local")
    client.delete_run(gone.run_id)
    (one,) = clean().removals
    assert (one.run_id, one.why) == (gone.run_id, "deleted")
    assert one.size > gone.checkpoint.stat().st_size
    clean(yes=True)
    assert not gone.checkpoint.exists()
    assert kept.checkpoint.is_file()
    assert list(rnnsweep.runs()["run_id"]) == [kept.run_id]
    assert rnnsweep.evaluate(kept.run_id).run_id == kept.run_id
    assert clean().removals == ()
