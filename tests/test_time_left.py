"""How long a sweep may still take, with the replicates that planned looks may ask for."""

import json
from contextlib import closing
from dataclasses import replace

import pytest

from rnnsweep.cli.commands.project.status import _print_status
from rnnsweep.drawing.times import about
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.looks import ADVICE, write_advice
from rnnsweep.state.outcome import Outcome
from rnnsweep.state.watching.eta import Durations, most_replicates, seconds_left
from rnnsweep.state.watching.progress import ArchitectureProgress
from rnnsweep.state.watching.status import read_status

MINUTE = {name: Durations(60.0, 1) for name in ("gru", "lstm")}


def left(*standings: ArchitectureProgress, slots: int = 1) -> tuple[float | None, float | None]:
    found = seconds_left(standings, MINUTE, slots=slots)
    return found.seconds, found.most


def repeated(name: str, done: int, wanted: int, most: int) -> ArchitectureProgress:
    return ArchitectureProgress(
        name, 2, complete=2, replicates=done, replicates_wanted=wanted, replicates_most=most
    )


def test_the_time_left_reaches_from_no_further_look_to_all_that_planned_looks_may_ask_for():
    assert left(repeated("gru", 4, 6, 15), repeated("lstm", 6, 6, 15)) == (120.0, 120.0 + 18 * 60.0)
    assert left(repeated("gru", 4, 6, 15), repeated("lstm", 6, 6, 15), slots=2) == (60.0, 600.0)
    assert left(repeated("gru", 4, 6, 0), repeated("lstm", 6, 6, 0)) == (120.0, 120.0)  # one fixed number


def test_nothing_is_estimated_before_a_training_ended():
    found = seconds_left([repeated("gru", 0, 6, 15)], {}, slots=1)
    assert (found.seconds, found.most) == (None, None)


def test_a_fit_of_the_baseline_says_nothing_about_the_trainings_of_networks():
    searching = [ArchitectureProgress("gru", 2, running=1), ArchitectureProgress("lstm", 2)]
    fits = {"linear": Durations(14.0, 2)}
    assert seconds_left(searching, fits, slots=1).seconds is None
    pruned = [replace(searching[0], complete=1, running=0), replace(searching[1], pruned=1, running=1)]
    assert seconds_left(pruned, fits | {"gru": Durations(100.0, 1)}, slots=1).seconds == 150.0


def test_nothing_is_estimated_before_a_trial_of_each_network_ended():
    quick = ArchitectureProgress("bag", 8, complete=1, running=1)
    slow = ArchitectureProgress("bilstm", 8)
    assert seconds_left([quick, slow], {"bag": Durations(5.0, 1)}, slots=2).seconds is None
    begun = replace(slow, complete=1)
    known = {"bag": Durations(5.0, 1), "bilstm": Durations(50.0, 1)}
    assert seconds_left([quick, begun], known, slots=2).seconds == (5 * 6.5 + 50 * 7) / 2


def test_an_interrupted_replicate_is_resumed_by_the_command_that_asked_for_it(tmp_path):
    folder = SweepFolder.of(tmp_path, "q")
    folder.make()
    folder.write_start({"identity": "abcd", "asked": {}, "corpus": "", "configuration": "", "code": ""})
    asked = {"slots": 1, "trials": 2, "architectures": ["gru"], "more": {}}
    with folder.hold(), closing(folder.ledger()) as ledger:
        ledger.write("open", replicates=6, planned=[6, 10], options=["--trials", "2"], **asked)
    assert read_status(tmp_path, "q").next == "rnnsweep sweep q --trials 2"
    with folder.hold(), closing(folder.ledger()) as ledger:
        ledger.write("close", state="finished")
        ledger.write("open", replicates=12, planned=[], options=[], **asked)
        ledger.write("close", state="interrupted")
    assert read_status(tmp_path, "q").next == "rnnsweep replicate q --n 12"


def test_the_status_of_a_finished_sweep_names_the_question_that_the_next_command_settles(tmp_path, capsys):
    folder = SweepFolder.of(tmp_path, "q")
    folder.make()
    folder.write_start({"identity": "abcd", "asked": {}, "corpus": "", "configuration": "", "code": ""})
    with folder.hold(), closing(folder.ledger()) as ledger:
        asked = {"slots": 1, "trials": 2, "architectures": ["gru"], "more": {}}
        ledger.write("open", replicates=6, planned=[6], options=[], **asked)
        ledger.write("close", state="finished")

    def said():
        _print_status(read_status(tmp_path, "q"))
        return capsys.readouterr().out.splitlines()[-1]

    assert said() == "Next: rnnsweep compare q"
    write_advice(folder, "rnnsweep replicate q --n 12", "to show whether gru and lstm differ")
    assert said() == "Next, to show whether gru and lstm differ: rnnsweep replicate q --n 12"
    write_advice(folder, None)
    assert "Next" not in said()
    earlier = {"next": "rnnsweep retry q", "events": len(folder.events())}  # a version that kept no aim
    (folder.path / ADVICE).write_text(json.dumps(earlier))
    assert said() == "Next: rnnsweep retry q"


def test_a_look_ends_the_count_for_those_that_it_gave_no_more_replicates():
    planned = (6, 9, 15)
    assert most_replicates("gru", planned=planned, decided={}) == 15
    decided = {"gru": 9, "lstm": 9, "rnn": 6}
    assert [most_replicates(name, planned=planned, decided=decided) for name in decided] == [15, 15, 0]
    assert most_replicates("gru", planned=(6,), decided={}) == 0
    assert most_replicates("gru", planned=planned, decided={"gru": 6, "lstm": 6}) == 0  # all is settled


@pytest.mark.parametrize(
    ("look", "most"), [(None, 5 * 60.0 + 2 * 60.0), ({"gru": 1, "lstm": 3}, 5 * 60.0), ({"gru": 3}, 7 * 60.0)]
)
def test_the_status_of_a_running_sweep_counts_planned_looks(tmp_path, look, most):
    folder = SweepFolder.of(tmp_path, "q")
    folder.make()
    folder.write_start({"identity": "abcd", "asked": {}, "corpus": "", "configuration": "", "code": ""})
    Outcome("complete", scores={"validation": 0.75, "direction": "higher"}).write(folder.task("gru-0").path)
    with folder.hold():
        with closing(folder.ledger()) as ledger:
            planned = {"replicates": 1, "planned": [1, 3], "more": {}}
            ledger.write("open", slots=1, trials=5, architectures=["gru"], **planned)
            ledger.write("start", name="gru-0", slot=0)
            ledger.write("end", name="gru-0")
            if look is not None:
                ledger.write("look", wanted=look, said="", stopped_replicates=[])
        path = folder.path / "ledger.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        times = [{**line, "time": 1000.0 + 60.0 * (line["event"] == "end")} for line in lines]
        path.write_text("".join(json.dumps(line) + "\n" for line in times))
        status = read_status(tmp_path, "q")
    assert status.eta_most == pytest.approx(most)


def test_a_range_of_times_has_its_unit_once():
    assert about(None, None) == ""
    assert about(300.0, 300.4) == "about 5:00 min"
    assert about(300.0, 441.0) == "about 5:00 to 7:21 min"
    assert about(40.0, None) == "about 40 s"
    assert about(0.0, 90.0) == "at most 90 s"
    assert about(0.0, 0.4) == about(0.2, None) == ""
