"""What replicates vary, and how many each architecture gets."""

from dataclasses import replace
from pathlib import Path

import pytest

from rnnsweep.comparison.verdicts.standings import make_standings
from rnnsweep.config import compose
from rnnsweep.drawing.palette import colour, colours
from rnnsweep.engine.scheduling.tasks import TaskMaker
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import read_sweep
from rnnsweep.tracking.tags import RUN_COLOUR

ASKED = """# Which?
name: which
architectures: [gru, lstm]
trials: 2
replicates: 3
space: {optimizer.lr: [0.1, 0.2]}
vary: """


def maker(tmp_path: Path, vary: str) -> TaskMaker:
    path = tmp_path / "which.yaml"
    path.write_text(ASKED + vary)
    asked = read_sweep(path)
    bases = {name: compose(asked.chosen(name)) for name in asked.architectures}
    return TaskMaker(asked, "1", SweepFolder.of(tmp_path, "which"), tmp_path, bases)


@pytest.mark.parametrize(
    ("vary", "varied"),
    [
        ("all", {"seed=3", "data.split_seed=3"}),
        ("seed", {"seed=3"}),
        ("split", {"data.split_seed=3"}),
        ("initialisation", {"seeds.initialisation=3"}),
        ("order", {"seeds.order=3"}),
    ],
)
def test_a_replicate_sets_what_its_sweep_varies_and_the_same_for_each_architecture(tmp_path, vary, varied):
    made = maker(tmp_path, vary)
    for name in ("gru", "lstm"):
        best = (f"model={name}", "optimizer.lr=0.1")
        task = made.replicate(name, 1, best, number=2, tags={})
        assert set(task.overrides) - set(best) == varied
        run = compose(task.overrides)
        assert run.seed_of("initialisation") == (3 if vary in ("all", "seed", "initialisation") else 0)


def test_the_runs_of_a_sweep_have_the_colours_that_its_report_has(tmp_path):
    names = ("gru", "wide_0", "wide_3")
    assert colour("wide_0") == colour("wide_3")  # alone, each would have this one
    made = maker(tmp_path, "all")
    made = replace(
        made, sweep=replace(made.sweep, architectures=names), bases=dict.fromkeys(names, made.bases["gru"])
    )
    painted = {one: made.trial(one, 0, (), resume=False, tags={}).tags[RUN_COLOUR] for one in names}
    assert painted == colours(names)
    assert len({*painted.values(), made.baseline().tags[RUN_COLOUR]}) == 4


@pytest.mark.parametrize("vary", ["split", "initialisation", "order"])
def test_replicates_that_share_their_seed_are_still_so_many(tmp_path, vary):
    import pandas as pd

    made = maker(tmp_path, vary)
    rows = [
        {
            "run_id": f"{name}{number}",
            "role": "replicate",
            "architecture": name,
            "trial": 0,
            "state": "complete",
            "seed": 0,
            "overrides": list(made.replicate(name, 0, (f"model={name}",), number=number, tags={}).overrides),
            "validation": 0.8,
            "test": 0.8 + number / 100,
            "parameters": 10,
            "seconds": 1.0,
            "samples_per_second": 1.0,
            "epochs": 1.0,
            "reason": None,
            "started": pd.Timestamp("2025-01-01"),
        }
        for name in ("gru", "lstm")
        for number in range(3)
    ]
    first, second = make_standings(pd.DataFrame(rows))
    assert [r.seed for r in first.replicates] == [r.seed for r in second.replicates]
    assert [r.seed for r in first.replicates] == [f"0, {vary} {n}" for n in (1, 2, 3)]


def test_more_replicates_are_for_those_that_need_them(tmp_path):
    asked = replace(maker(tmp_path, "all").sweep, more={"gru": 7, "lstm": 2})
    assert (asked.wanted("gru"), asked.wanted("lstm")) == (7, 3)
