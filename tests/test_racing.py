"""A race over planned looks: killed between two of them it goes on as if nothing had happened."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
from simulation import FakeClock, FakeLauncher, PowerCut, Script, run_simulated, without_waiting, write_sweep

from rnnsweep.api.comparing.answers import stops_of
from rnnsweep.api.replicates.racing import racing
from rnnsweep.comparison.verdicts.racing import _say
from rnnsweep.state.folder import SweepFolder
from rnnsweep.state.looks import note_look
from rnnsweep.sweepfile import Slot

LEVELS = {"gru": 0.701, "lstm": 0.700, "rnn": 0.5}
ASKED = {
    "architectures": "[gru, lstm, rnn]",
    "trials": 1,
    "replicates": "{first: 6, most: 20, looks: 3}",
}


def scored(task):
    """The test score of a replicate: the same whenever it is trained."""
    return LEVELS[task.architecture] + np.random.default_rng(zlib.crc32(task.name.encode())).normal(0, 0.005)


class Messages:
    """A listener that keeps the lines that it is told."""

    def __init__(self):
        self.lines = []

    def update(self, snapshot):
        pass

    def message(self, text):
        self.lines.append(text)


def run(folder, *, cut_at=None, listener=None):
    """Run the race; with `cut_at` the controller dies when so many tasks were started."""
    sweep = write_sweep(folder, **ASKED)
    fake = FakeLauncher(FakeClock(), lambda task, life: Script((0.5,)), (Slot(0), Slot(1)))
    fake.power = lambda moment: len(fake.started) == cut_at
    decide = racing(sweep, SweepFolder.of(folder / "mlruns", "toy"))

    def extend(over):
        known = [
            (task, replace(o, scores={**o.scores, "score": "accuracy", "test": scored(task)}))
            for task, o in over
        ]
        return decide(known)

    with without_waiting():
        run_simulated(
            sweep,
            folder,
            fake,
            sizes=lambda run: (100, 2),
            extend=extend,
            listener=listener,
        )
    return fake


def outcome_of(folder):
    """What a sweep came to: who has which replicates, what the looks decided, who was stopped."""
    place = SweepFolder.of(folder / "mlruns", "toy")
    done = sorted(task.name for task in place.tasks() if task.outcome() is not None)
    looks = [event["wanted"] for event in place.events() if event["event"] == "look"]
    return done, looks[-1], stops_of(place)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    run(folder)
    return outcome_of(folder)


def test_a_race_stops_the_loser_and_the_sweep_keeps_who_was_stopped_when_and_why(whole):
    done, wanted, stops = whole
    assert wanted == {"gru": 20, "lstm": 20, "rnn": 11}
    assert [(stop.architecture, stop.replicates) for stop in stops] == [("rnn", 11)]
    assert stops[0].why.startswith("worse than ")
    assert len(done) == 3 + 20 + 20 + 11


def test_a_race_after_a_look_at_other_configurations_stops_nobody_for_a_claim(tmp_path):
    place = SweepFolder.of(tmp_path / "mlruns", "toy")
    place.make()
    seeds = [str(number) for number in range(20)]
    note_look(place, dict.fromkeys(LEVELS, seeds), dict.fromkeys(LEVELS, "the former"), (6, 11, 20))
    run(tmp_path)
    assert not [stop for stop in outcome_of(tmp_path)[2] if stop.why.startswith(("better", "worse"))]


def test_where_the_plan_changed_after_a_look_every_architecture_gets_all_replicates(tmp_path):
    place = SweepFolder.of(tmp_path / "mlruns", "toy")
    place.make()
    note_look(place, {"gru": ["1"], "lstm": ["1"]}, {"gru": "x", "lstm": "y"}, (10,))
    run(tmp_path)
    assert outcome_of(tmp_path)[1:] == (dict.fromkeys(LEVELS, 20), ())


def test_what_a_look_decided_is_said_once(tmp_path):
    messages = Messages()
    run(tmp_path, listener=messages)
    looks = [line for line in messages.lines if "after" in line and "replicates" in line]
    assert len(looks) == 2  # of three planned looks, the last is the comparison's
    assert len(set(looks)) == 2


@pytest.mark.parametrize("cut_at", [24, 37, 45])
def test_a_race_whose_controller_dies_between_two_looks_ends_as_one_that_was_not_touched(
    whole, tmp_path, cut_at
):
    with pytest.raises(PowerCut):
        run(tmp_path, cut_at=cut_at)
    rest = run(tmp_path)
    assert outcome_of(tmp_path) == whole
    assert len(rest.started) <= 54 - cut_at + 4  # what had ended is not trained again


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"gru": 6, "lstm": 6, "bag": 6}, "gru leads after 6 replicates; it and bag, lstm get 15"),
        ({"gru": 15, "lstm": 15, "bag": 6}, "gru leads after 6 replicates; bag gets 15 as the others have"),
        ({"gru": 15, "lstm": 15, "bag": 15}, "gru leads after 6 replicates; it and bag, lstm get 15"),
    ],
)
def test_a_look_after_a_search_that_continued_names_only_those_that_get_more(over, said):
    assert _say(["gru"], 6, {"gru", "lstm", "bag"}, 15, over) == said


def test_a_look_at_exactly_equal_scores_names_no_leader():
    over = {"gru": 6, "lstm": 6, "bag": 6}
    said = _say(["gru", "bag"], 6, {"gru", "lstm", "bag"}, 15, over)
    assert said == "gru has the same mean score as bag after 6 replicates; it and bag, lstm get 15"
