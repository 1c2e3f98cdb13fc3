"""What a sweep's end needs is imported beside its trials."""

import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from rnnsweep.api import import_ahead as ahead
from rnnsweep.state import Running, Silence, Snapshot

NOW = Snapshot("toy", "Which?", standings=(), running=(), slots=1, elapsed=1.0, eta=None)
RUNS = Running("toy.lstm-0", "trial", "lstm", 0, "cpu:0", 1.0)


@pytest.fixture
def wanted(tmp_path, monkeypatch):
    """A module that nobody has imported, after one that is missing."""
    (tmp_path / "wanted_at_the_end.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(ahead, "MODULES", ("missing_at_the_end", "wanted_at_the_end"))
    yield "wanted_at_the_end"
    sys.modules.pop("wanted_at_the_end", None)


def test_what_is_needed_later_is_imported_meanwhile_and_what_is_missing_is_left_out(wanted):
    with ahead.imports_ahead(Silence(), after_s=0):
        end = time.monotonic() + 10
        while wanted not in sys.modules:
            assert time.monotonic() < end
            time.sleep(0.01)


def test_what_is_over_at_once_imports_nothing_and_leaves_no_thread(wanted):
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), ahead.imports_ahead(Silence(), after_s=60):
        raise KeyboardInterrupt
    assert time.monotonic() - began < 30
    assert wanted not in sys.modules
    assert not [thread for thread in threading.enumerate() if thread.name == "imports"]


def test_the_imports_begin_when_the_last_trial_has_ended(wanted):
    with ahead.imports_ahead(Silence(), after_s=60) as listener:
        listener.update(replace(NOW, running=(RUNS,)))
        listener.update(replace(NOW, over=True))
        end = time.monotonic() + 10
        while wanted not in sys.modules:
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.mark.parametrize(
    "updates",
    [
        [{"over": True}],
        [{"running": (RUNS,)}, {"over": True, "stopping": True}],
        [{"running": (RUNS,)}, {"over": True, "compared": False}],
    ],
    ids=["nothing was left to run", "somebody stopped it", "nothing is compared"],
)
def test_the_end_of_a_sweep_imports_nothing_that_it_does_not_need(wanted, updates):
    with ahead.imports_ahead(Silence(), after_s=60) as listener:
        for update in updates:
            listener.update(replace(NOW, **update))
        time.sleep(0.2)
    assert wanted not in sys.modules


@pytest.mark.slow
def test_the_modules_of_a_sweeps_end_can_be_imported_in_a_process_of_their_own():
    code = (
        "import sys\n"
        "from importlib import import_module\n"
        "from rnnsweep.api.import_ahead import MODULES\n"
        "for name in MODULES:\n"
        "    import_module(name)\n"
        "for name in ('scipy.stats', 'optuna'):\n"
        "    assert name in sys.modules, name\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
