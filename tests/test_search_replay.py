"""A journal that is read quickly holds the studies and trials that Optuna reads from it, line by line."""

import gc
import json
from contextlib import suppress
from datetime import datetime

import optuna
import pytest
from hypothesis import given, settings, strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.storages.journal._storage import JournalOperation
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from rnnsweep.errors import UserError
from rnnsweep.json_text import parse_lines
from rnnsweep.search import journal
from rnnsweep.search.journal import open_journal
from rnnsweep.search.replay import merged
from rnnsweep.state.folder import SweepFolder

DISTRIBUTIONS = [
    FloatDistribution(1e-4, 1e-1, log=True),
    FloatDistribution(1e-3, 1.0, log=True),
    FloatDistribution(0.0, 1.0),
    IntDistribution(1, 9),
    CategoricalDistribution(["a", "b"]),
    CategoricalDistribution(["a", "c"]),
]
ENDS = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
REFUSED = (KeyError, ValueError, RuntimeError, AssertionError, optuna.exceptions.DuplicatedStudyError)
SMALL = st.integers(0, 5)
STEP = st.one_of(
    st.tuples(st.just("study"), st.integers(0, 2)),
    st.tuples(st.just("delete"), st.integers(0, 2)),
    st.tuples(st.sampled_from(["ask", "enqueue", "pop", "study attribute", "study note"]), st.integers(0, 2)),
    st.tuples(st.just("add"), st.integers(0, 2), st.sampled_from(DISTRIBUTIONS), st.sampled_from(ENDS)),
    st.tuples(st.just("param"), SMALL, st.sampled_from("xy"), st.sampled_from(DISTRIBUTIONS)),
    st.tuples(st.just("report"), SMALL, st.integers(0, 3), st.floats()),
    st.tuples(st.just("attribute"), SMALL, st.sampled_from("ab"), st.one_of(st.none(), st.text(max_size=3))),
    st.tuples(st.just("note"), SMALL, st.sampled_from("ab"), st.lists(SMALL, max_size=2)),
    st.tuples(st.just("end"), SMALL, st.sampled_from(ENDS), st.one_of(st.none(), st.floats(0, 1))),
)


@pytest.fixture(scope="module", autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


class Lines(BaseJournalBackend):
    """A journal that is a list."""

    def __init__(self, lines):
        self.lines = lines

    def append_logs(self, logs):
        self.lines += [json.loads(json.dumps(log)) for log in logs]

    def read_logs(self, log_number_from):
        return iter(self.lines[log_number_from:])


def value_in(distribution):
    return distribution.choices[1] if isinstance(distribution, CategoricalDistribution) else distribution.low


def add(storage, study, distribution, state):
    trial = create_trial(
        state=state,
        value=0.5 if state == TrialState.COMPLETE else None,
        params={"x": value_in(distribution)},
        distributions={"x": distribution},
        user_attrs={"a": 1},
        system_attrs={"s": [1]},
        intermediate_values={2: 0.25},
    )
    storage.create_new_trial(study, trial)


def set_param(storage, trial, name, distribution):
    value = distribution.to_internal_repr(value_in(distribution))
    storage.set_trial_param(trial, name, value, distribution)


ACTIONS = {
    "study": lambda storage, n: storage.create_new_study([StudyDirection.MAXIMIZE], f"s{n}"),
    "delete": lambda storage, study: storage.delete_study(study),
    "ask": lambda storage, study: storage.create_new_trial(study),
    "enqueue": lambda storage, study: storage.create_new_trial(study, create_trial(state=TrialState.WAITING)),
    "add": add,
    "pop": lambda storage, trial: storage.set_trial_state_values(trial, TrialState.RUNNING),
    "study attribute": lambda storage, study: storage.set_study_user_attr(study, "retried", [study]),
    "study note": lambda storage, study: storage.set_study_system_attr(study, "grid", study),
    "param": set_param,
    "report": lambda storage, *report: storage.set_trial_intermediate_value(*report),
    "attribute": lambda storage, *attribute: storage.set_trial_user_attr(*attribute),
    "note": lambda storage, *note: storage.set_trial_system_attr(*note),
    "end": lambda storage, trial, state, value: storage.set_trial_state_values(
        trial, state, None if value is None else [value]
    ),
}


def content(storage):
    """All that a storage holds, as text: a number that is none equals itself there."""
    found = []
    for study in storage.get_all_studies():
        trials = storage.get_all_trials(study._study_id, deepcopy=False)
        found.append((study.__dict__, [sorted(trial.__dict__.items()) for trial in trials]))
    return repr(found)


@settings(deadline=None, max_examples=60)
@given(st.lists(STEP, max_size=40))
def test_merged_lines_make_the_studies_and_trials_of_the_lines(steps):
    lines = []
    storage = JournalStorage(Lines(lines))
    for action, *details in [("study", 0), ("ask", 0), *steps]:
        with suppress(*REFUSED):  # which leaves a line all the same, as in a controller
            ACTIONS[action](storage, *details)
    expected = content(JournalStorage(Lines(lines)))
    assert content(JournalStorage(Lines(list(merged(lines))))) == expected


def test_a_trial_that_ended_is_one_line_and_keeps_its_place(tmp_path):
    lines = []
    study = optuna.create_study(storage=JournalStorage(Lines(lines)), study_name="s")
    first, second = study.ask(), study.ask()
    for trial in (first, second):
        trial.suggest_float("x", 0, 1)
        trial.report(0.25, 1)
        trial.set_user_attr("scores", {"validation": 0.5})
    study.tell(second, 0.5)
    found = list(merged(lines))

    assert [line["op_code"] for line in found] == [
        JournalOperation.CREATE_STUDY,
        JournalOperation.CREATE_TRIAL,
        JournalOperation.CREATE_TRIAL,
    ]
    assert [line["state"] for line in found[1:]] == [TrialState.RUNNING, TrialState.COMPLETE]
    assert [line["intermediate_values"] for line in found[1:]] == [{1: 0.25}, {1: 0.25}]


def test_a_trial_that_had_not_ended_goes_on_after_its_journal_was_read(tmp_path):
    folder = SweepFolder.of(tmp_path, "toy")
    folder.path.mkdir(parents=True)
    asked = optuna.create_study(storage=open_journal(folder), study_name="s").ask()
    asked.suggest_float("x", 0, 1)

    study = optuna.load_study(study_name="s", storage=open_journal(folder))
    trial = optuna.trial.Trial(study, asked._trial_id)
    assert trial.params == asked.params
    trial.report(0.5, 1)
    study.tell(trial, 0.75)
    again = optuna.load_study(study_name="s", storage=JournalStorage(JournalFileBackend(str(folder.journal))))
    (told,) = again.trials
    assert (told.value, told.intermediate_values) == (0.75, {1: 0.5})
    assert isinstance(told.datetime_start, datetime)


@pytest.mark.parametrize(
    "damaged",
    ['{"op_code": 5, "trial_id": 0}', "[]", '{"op_code": 99}', '{"op_code": 4', "{}\n,{}", '{"op_code": 6,'],
)
def test_a_damaged_line_is_refused_in_one_line(tmp_path, damaged):
    folder = SweepFolder.of(tmp_path, "toy")
    folder.path.mkdir(parents=True)
    optuna.create_study(storage=open_journal(folder), study_name="s").ask()
    with folder.journal.open("a") as file:
        file.write(f'{damaged}\n{{"op_code":0,"worker_id":"w","study_name":"t","directions":[2]}}\n')
    with pytest.raises(UserError, match=r"journal\.log: a line of it is damaged"):
        open_journal(folder)


def test_what_the_replay_uses_of_optunas_private_parts_is_there():
    assert {operation.name: operation.value for operation in JournalOperation}.items() >= {
        "CREATE_STUDY": 0,
        "SET_STUDY_USER_ATTR": 2,
        "SET_STUDY_SYSTEM_ATTR": 3,
        "CREATE_TRIAL": 4,
        "SET_TRIAL_PARAM": 5,
        "SET_TRIAL_STATE_VALUES": 6,
        "SET_TRIAL_INTERMEDIATE_VALUE": 7,
        "SET_TRIAL_USER_ATTR": 8,
        "SET_TRIAL_SYSTEM_ATTR": 9,
    }.items(), "Optuna's journal has other operations: see search/replay.py"


def test_the_collector_rests_while_a_journal_is_read_and_works_again_after_a_damaged_one(
    tmp_path, monkeypatch
):
    folder, seen = SweepFolder.of(tmp_path, "toy"), []
    folder.path.mkdir(parents=True)
    optuna.create_study(storage=open_journal(folder), study_name="s")
    monkeypatch.setattr(journal, "merged", lambda lines: seen.append(gc.isenabled()) or merged(lines))
    open_journal(folder)
    folder.journal.write_text("{}\n")
    with pytest.raises(UserError):
        open_journal(folder)
    assert (seen, gc.isenabled()) == ([False, False], True)


LINES = st.lists(st.sampled_from([b'{"a": 1}', b"[1, 2]", b'{"a": ', b"2}", b"", b"1, 2", b"\xff", b"7"]))


@given(LINES)
def test_lines_that_are_parsed_together_are_those_that_read_alone(lines):
    expected = []
    for line in lines:
        with suppress(ValueError):
            expected.append(json.loads(line))
    assert list(parse_lines(lines, skip_faulty=True)) == expected
