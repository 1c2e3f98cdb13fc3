"""What is trained beside plain Optuna, Lightning and the other peers: rows, network, steps.

This module imports nothing heavy: a process that is timed from its start reads it.
"""

import os
from pathlib import Path

SHARED = Path(os.environ.get("RNNSWEEP_SHARED", Path(__file__).parents[2] / "shared" / "data"))
EPOCHS, BATCH = 2, 16
SAMPLE = int(os.environ.get("RNNSWEEP_PEERS_SAMPLE", "15000"))  # rows, half of them for validation
DATA = (
    "data=ag_news",
    f"data.dir={SHARED / 'ag_news'}",
    f"data.sample={SAMPLE}",
    "data.validation_share=0.5",
)
NETWORK = ("model.initialisation=pytorch", "model.forget_bias=null", "model.embedding_dropout=0")
STEP = ("optimizer.schedule=none", "optimizer.gradient_clip=null")
WORK = ("data.vocabulary=20000", f"data.batch_size={BATCH}", f"trainer.max_epochs={EPOCHS}")
FIXED = (*DATA, *NETWORK, *STEP, *WORK)
