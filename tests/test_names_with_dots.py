"""Sweeps and architectures whose names have dots lose nothing of their comparison."""

import pytest

from rnnsweep.api import compare, disk_use
from rnnsweep.cli import main

SWEEP = """# Does dropout pay?
name: dropout_0.5
architectures:
  none_0.0: [model=lstm, model.dropout=0.0]
  half_0.5: [model=lstm, model.dropout=0.5]
trials: 1
replicates: 2
baseline: false
space: {}
overrides: [data=files, data.train=rows.csv, model.hidden_size=4, trainer.max_epochs=1]
"""


@pytest.mark.slow
def test_names_with_dots_keep_mcnemar_confusions_mistakes_and_disk_use(home):
    rows = (f"the {('good', 'bad')[n % 2]} text {n},{n % 2}" for n in range(80))
    (home / "rows.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    (home / "dropout.yaml").write_text(SWEEP)
    assert main(["sweep", "dropout.yaml", "--slots", "1"]) == 0
    comparison = compare("dropout_0.5")
    assert comparison.verdicts[0].mcnemar is not None
    assert set(comparison.mistakes.confusion) == {"none_0.0", "half_0.5"}
    used = disk_use("dropout_0.5")
    assert used.checkpoints > 0
    assert used.artifacts > 0
