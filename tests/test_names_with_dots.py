"""Sweeps and architectures whose names have dots lose nothing of their comparison."""

import pytest
from small_sweeps import write_small_sweep

from rnnsweep.api import compare, disk_use
from rnnsweep.cli import main


@pytest.mark.slow
def test_names_with_dots_keep_mcnemar_confusions_mistakes_and_disk_use(home):
    variants = {"none_0.0": "model.dropout=0.0", "half_0.5": "model.dropout=0.5"}
    write_small_sweep(home, "dropout.yaml", "Does dropout pay?", variants, name="dropout_0.5")
    assert main(["sweep", "dropout.yaml", "--slots", "1"]) == 0
    comparison = compare("dropout_0.5")
    assert comparison.verdicts[0].mcnemar is not None
    assert set(comparison.mistakes.confusion) == {"none_0.0", "half_0.5"}
    used = disk_use("dropout_0.5")
    assert used.checkpoints > 0
    assert used.artifacts > 0
