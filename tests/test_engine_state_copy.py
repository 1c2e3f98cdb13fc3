"""A sweep with a copy of its state in PostgreSQL continues on a new disk."""

import multiprocessing
import os
import shutil
import sys
import threading
import time

import pytest
from simulation import FakeClock, FakeLauncher, without_waiting, write_sweep
from test_study import plain, run
from tracking_servers import postgres

from rnnsweep.engine import copied_state, state_copy
from rnnsweep.engine.state_copy import GROWING, StateCopy
from rnnsweep.errors import UserError
from rnnsweep.state.folder import SweepFolder

NOWHERE = "postgresql://me@127.0.0.1:1/nothing"


@pytest.fixture(autouse=True, scope="module")
def many_sweeps():
    with without_waiting():
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with postgres(tmp_path_factory.mktemp("postgres")) as address:
        yield address


@pytest.fixture
def database(server, request):
    """A database of its own."""
    import psycopg

    name = f"t{abs(hash(request.node.name))}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.rpartition("/")[0] + f"/{name}"


def swept(folder, address, launcher=None, *, messages=None, **changes):
    """Run the sweep with a copy in the database."""
    heard = messages if messages is not None else []
    place = SweepFolder.of(folder / "mlruns", "toy")
    with copied_state(address, place, place="conf/machine/pod.yaml", tell=heard.append) as copy:
        return run(
            write_sweep(folder, **changes), folder, launcher or FakeLauncher(FakeClock(), plain), copy=copy
        )


def state_of(folder):
    """What a sweep knows, without the times."""
    place = SweepFolder.of(folder / "mlruns", "toy")
    outcomes = {task.name: task.outcome() for task in place.tasks()}
    return place.start()["identity"], outcomes


def trials_of(folder):
    import optuna

    from rnnsweep.search.journal import read_journal

    storage = read_journal(SweepFolder.of(folder / "mlruns", "toy"))
    studies = optuna.get_all_study_names(storage)
    return {
        name: [
            (t.number, t.state.name, t.params, t.values)
            for t in optuna.load_study(study_name=name, storage=storage).trials
        ]
        for name in sorted(studies)
    }


def killed(folder, address, after):
    """Run the sweep in a process that ends without a word, as by kill -9, at its N-th event."""
    left = iter(range(after))

    def end(moment):
        return os._exit(9) if moment == "events" and next(left, None) is None else False

    swept(folder, address, FakeLauncher(FakeClock(), plain, power=end), sampler="random")


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("after", [3, 9, 17, 26, 34])
def test_on_a_new_disk_a_sweep_continues_from_its_copy(tmp_path, database, after):
    lost, whole = tmp_path / "lost", tmp_path / "whole"
    for folder in (lost, whole):
        folder.mkdir()
    process = multiprocessing.get_context("fork").Process(target=killed, args=(lost, database, after))
    process.start()
    process.join()
    assert process.exitcode == 9
    before = trials_of(lost)
    identity, ended = state_of(lost)
    shutil.rmtree(lost / "mlruns")

    messages = []
    launcher = FakeLauncher(FakeClock(), plain)
    summary = swept(lost, database, launcher, messages=messages, sampler="random")
    assert messages[0] == f"the sweep continues from its copy in {database}"
    assert state_of(lost)[0] == identity
    assert not {task.name for task in launcher.started} & {name for name, one in ended.items() if one}
    for name, trials in before.items():  # those that started before keep their values
        assert [trial[2] for trial in trials_of(lost)[name]][: len(trials)] == [trial[2] for trial in trials]

    run(write_sweep(whole, sampler="random"), whole, FakeLauncher(FakeClock(), plain))
    assert trials_of(lost) == trials_of(whole)
    assert {one.architecture: one.complete for one in summary.standings} == {"rnn": 4, "lstm": 4}
    assert state_of(lost)[1].keys() == state_of(whole)[1].keys()


@pytest.mark.server
@pytest.mark.slow
def test_while_the_server_is_away_nothing_starts_and_nothing_is_lost(tmp_path, database, monkeypatch):
    import psycopg

    monkeypatch.setattr(state_copy, "PAUSE_S", 0.05)
    away, connect, messages = threading.Event(), psycopg.connect, []
    started_away = []

    def refuse(*arguments, **options):
        if away.is_set():
            raise psycopg.OperationalError("connection refused")
        return connect(*arguments, **options)

    monkeypatch.setattr(psycopg, "connect", refuse)

    class Cutting(FakeLauncher):
        def start(self, task, slot):
            started_away.append(away.is_set())
            super().start(task, slot)
            if len(self.started) == 3:
                away.set()
                with connect(database, autocommit=True) as other:  # ends the controller's session
                    other.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE application_name LIKE 'rnnsweep%' AND pid <> pg_backend_pid()"
                    )
                threading.Timer(0.4, away.clear).start()

        def events(self, timeout):
            if away.is_set() and not self.running:
                time.sleep(0.02)
            return super().events(timeout)

    summary = swept(tmp_path, database, Cutting(FakeClock(), plain), messages=messages, sampler="random")
    assert started_away == [False] * (2 * 4 + 2 * 2)
    assert summary.state == "finished"
    assert messages[0].startswith(f"paused: {database} does not answer (")
    assert messages[0].endswith("trials that run continue, and nothing starts until it answers")
    assert messages[1] == f"{database} answers again: resumed"
    assert copied(database) == {
        name: (tmp_path / "mlruns/sweeps/toy" / name).read_bytes() for name in ("journal.log", "ledger.jsonl")
    }


def copied(database):
    import psycopg

    found = {}
    with psycopg.connect(database) as connection:
        for name, content in connection.execute(
            "SELECT file, content FROM rnnsweep_state ORDER BY file, start"
        ):
            if name in GROWING:
                found[name] = found.get(name, b"") + content
    return found


@pytest.mark.server
@pytest.mark.slow
def test_a_second_controller_is_refused_and_one_that_was_replaced_stops(tmp_path, database):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    place = SweepFolder.of(first / "mlruns", "toy")
    with copied_state(database, place, place="pod.yaml", tell=print) as copy:
        run(write_sweep(first, trials=1), first, FakeLauncher(FakeClock(), plain), copy=copy)
        assert copy.send()
        with pytest.raises(UserError, match="another controller runs sweep 'toy' there; stop it first"):
            swept(second, database)
        copy.close()  # its line breaks, and another machine takes over
        swept(second, database, trials=2)
        with (place.path / "ledger.jsonl").open("a") as file:
            file.write('{"time": 1.0, "event": "close", "state": "finished"}\n')
        with pytest.raises(UserError, match="another controller continues sweep 'toy' from the copy"):
            copy.send()
        (place.path / "ledger.jsonl").write_bytes(copied(database)["ledger.jsonl"])
        (place.path / "journal.log").write_bytes(copied(database)["journal.log"])
        for name in GROWING:
            copy._sent[name] = len(copied(database).get(name, b""))
    with (place.path / "journal.log").open("a") as file:
        file.write("{}\n")
    (place.path / "journal.log").write_bytes(b"{}\n" + (place.path / "journal.log").read_bytes())
    with pytest.raises(UserError, match="differ: two controllers worked on sweep 'toy'"):
        swept(first, database)


@pytest.mark.server
@pytest.mark.slow
def test_another_projects_sweep_of_the_same_name_is_refused(tmp_path, database):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    swept(tmp_path / "a", database, trials=1)
    run(write_sweep(tmp_path / "b", trials=1), tmp_path / "b", FakeLauncher(FakeClock(), plain))
    with pytest.raises(UserError, match="holds another sweep with the name 'toy'; take a database for each"):
        swept(tmp_path / "b", database, trials=1)


@pytest.mark.server
@pytest.mark.slow
def test_a_sweep_that_began_without_a_copy_gets_one_whole(tmp_path, database):
    run(write_sweep(tmp_path, trials=2), tmp_path, FakeLauncher(FakeClock(), plain))
    place = SweepFolder.of(tmp_path / "mlruns", "toy")
    replicate = next(task for task in place.tasks() if "-r" in task.name)
    replicate.predictions.write_bytes(b"what it predicted")
    before = state_of(tmp_path)
    swept(tmp_path, database, trials=2)
    shutil.rmtree(tmp_path / "mlruns")
    launcher = FakeLauncher(FakeClock(), plain)
    swept(tmp_path, database, launcher, trials=2)
    assert state_of(tmp_path) == before
    assert launcher.started == []
    assert replicate.predictions.read_bytes() == b"what it predicted"


def test_a_server_that_does_not_answer_at_the_start_is_refused_in_one_line(tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(
        UserError, match=r"pod\.yaml: studies='postgresql://me@127.* does not answer \("
    ) as caught:
        swept(tmp_path, NOWHERE)
    assert "\n" not in str(caught.value)
    assert "start the server, or take the key away" in str(caught.value)
    assert not (tmp_path / "mlruns").exists()


def test_a_server_that_does_not_answer_at_the_end_is_told_with_what_sends_the_rest(tmp_path, monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setattr(state_copy, "LAST_TRY_S", 0.0)
    told: list[str] = []
    copy = StateCopy(NOWHERE, "toy", place="pod.yaml", tell=told.append)
    copy._folder, copy._sent = SweepFolder.of(tmp_path, "toy"), dict.fromkeys(GROWING, 0)
    copy._folder.make()
    (copy._folder.path / "ledger.jsonl").write_text("{}\n")
    copy.send_rest()
    assert told[-1] == f"{NOWHERE} lacks the last changes of the sweep: the same command sends them"


def test_without_the_driver_the_package_to_install_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"needs its driver: pip install 'rnnsweep\[postgres\]'"):
        swept(tmp_path, NOWHERE)


def test_a_sweep_without_a_copy_contacts_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert swept(tmp_path, None, trials=1).state == "finished"
