"""A journal from somebody else: what it holds is never run."""

import os
import pickle

import optuna
import pytest
from optuna.samplers import CmaEsSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from rnnsweep.errors import UserError
from rnnsweep.methods.cma_es import ADMITTED, SafeCmaEsSampler

VARIANTS = [{}, {"with_margin": True}, {"use_separable_cma": True}]


class Runs:
    """Unpickled, it runs a command."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def objective(trial):
    x, y, n = trial.suggest_float("x", -1, 1), trial.suggest_float("y", -1, 1), trial.suggest_int("n", 0, 9)
    return x * x + y * y + n


def search(folder, trials, **options):
    """Open the journal as another process does, with a sampler that knows nothing, and go on."""
    storage = JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    sampler = SafeCmaEsSampler(seed=1, warn_independent_sampling=False, **options)
    study = optuna.create_study(storage=storage, study_name="s", sampler=sampler, load_if_exists=True)
    study.optimize(objective, n_trials=trials)
    return study


def plant(folder, content):
    """Put a pickle where the state of the optimiser is looked for, in the last trial of a journal."""
    study = search(folder, 3)
    trial = study.ask()
    value = objective(trial)
    for key, text in CmaEsSampler()._split_optimizer_str(content.hex()).items():
        study._storage.set_trial_system_attr(trial._trial_id, key, text)
    study.tell(trial, value)


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_a_search_by_cma_es_goes_on_from_its_own_state(tmp_path, options):
    search(tmp_path, 12, **options)
    study = search(tmp_path, 12, **options)
    states = [
        any(key.startswith("cma:") or "cma" in key for key in trial.system_attrs) for trial in study.trials
    ]
    assert len(states) == 24
    assert sum(states) >= 2
    generations = {v for t in study.trials for k, v in t.system_attrs.items() if "generation" in k}
    assert len(generations) > 2


def test_the_state_goes_on_where_it_was_and_does_not_start_again(tmp_path):
    search(tmp_path, 30)
    sampler = SafeCmaEsSampler()
    study = search(tmp_path, 0)
    optimiser = sampler._restore_optimizer(study.get_trials(states=(optuna.trial.TrialState.COMPLETE,)))
    assert optimiser.generation > 1


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "numpy.load"])
def test_a_pickle_in_the_journal_runs_nothing_and_is_refused_by_name(tmp_path, name):
    seen = tmp_path / "seen"
    module, _, function = name.rpartition(".")
    argument = {"os.system": f"touch {seen}", "builtins.eval": f"open({str(seen)!r}, 'w')"}.get(
        name, str(seen)
    )
    plant(tmp_path, f"c{module}\n{function}\n(V{argument}\ntR.".encode())
    with pytest.raises(UserError, match=r"journal\.log: .*is no part of CMA-ES and is not loaded"):
        search(tmp_path, 1)
    assert not seen.exists()


def test_a_reduced_object_runs_nothing(tmp_path):
    seen = tmp_path / "seen"
    plant(tmp_path, pickle.dumps(Runs(f"touch {seen}")))
    with pytest.raises(UserError, match="system is no part of CMA-ES"):
        search(tmp_path, 1)
    assert not seen.exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps({"a": 1}), pickle.dumps([1])[:-2]])
def test_a_state_that_is_none_is_refused_in_one_line(tmp_path, content):
    plant(tmp_path, content or b"\x80")
    with pytest.raises(UserError, match=r"journal\.log: ") as refused:
        search(tmp_path, 1)
    assert len(str(refused.value).splitlines()) == 1


def test_the_sampler_of_a_sweep_is_the_safe_one(tmp_path):
    from simulation import write_sweep

    from rnnsweep.search.methods import make_sampler

    sweep = write_sweep(tmp_path, sampler="cmaes")
    assert isinstance(make_sampler(sweep, sweep.architectures[0], 0), SafeCmaEsSampler)


def test_what_we_use_of_optunas_private_parts_is_there():
    for name in (
        "_restore_optimizer",
        "_concat_optimizer_attrs",
        "_split_optimizer_str",
        "_attr_key_optimizer",
    ):
        assert hasattr(CmaEsSampler(), name), f"Optuna's CmaEsSampler.{name} is gone: see methods/cma_es.py"
    assert {name for module, name in ADMITTED if module.startswith("cmaes")} == {"CMA", "CMAwM", "SepCMA"}
