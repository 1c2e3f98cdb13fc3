"""A whole sweep with derived widths, limits and two objectives: real trainings, real records."""

import json

import pytest
from simulation import write_sweep

import rnnsweep
from rnnsweep.config import compose
from rnnsweep.data import prepare

pytestmark = pytest.mark.slow

SPACE = """\
name: toy
architectures: [lstm, gru]
trials: 3
replicates: 2
baseline: false
objectives: [validation, parameters]
space:
  model.hidden_size: {parameters: [3000, 6000, 30000]}
"""


def test_a_sweep_with_derived_widths_and_limits_records_what_it_derived_and_took(home, short_rows):
    own = [f"data.train={short_rows}", "data=files", "model.embedding_size=16", "trainer.max_epochs=1"]
    rows = prepare(compose([*own, "model=lstm"]).data)
    table_size = len(rows.vocabulary) * 16
    sweep = write_sweep(
        home,
        SPACE,
        overrides=json.dumps(own),
        constraints=f"{{parameters: {table_size + 10000}, memory: 64 GB}}",
    )
    done = rnnsweep.sweep(sweep.path, slots=1)
    assert done.trials["complete"] == 6
    runs = rnnsweep.runs("toy")
    trained = runs[runs["role"].isin(["trial", "replicate"])]
    assert len(trained) == 6 + 4
    assert (trained["memory"] > 2**26).all()
    for row in trained.to_dict("records"):
        (note,) = json.loads(row["derived"])
        assert note["budget"] in (3000, 6000)
        assert note["value"] == row["model.hidden_size"]
        if row["role"] == "trial":  # replicates draw other rows for training, and with them other words
            assert note["counted"] == row["parameters"] - table_size
        assert abs(note["deviation"]) < 0.05
    comparison = rnnsweep.compare("toy")
    assert comparison.front.objectives == ("validation", "parameters")
    assert {one.architecture for one in comparison.front.points} == {"lstm", "gru"}
    best = {s.architecture: s for s in comparison.standings}
    for name in ("lstm", "gru"):
        assert rnnsweep.best("toy", name).run_id == best[name].run_id
        assert best[name].test.replicates == 2
