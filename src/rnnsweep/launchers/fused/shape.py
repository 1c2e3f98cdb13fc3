"""Which runs can take their steps together: settings alone decide, without PyTorch."""

import json
from dataclasses import asdict, fields

from rnnsweep.config import RunConfig
from rnnsweep.networks.config import ModelConfig
from rnnsweep.tasks import TaskConfig
from rnnsweep.trial import TrialTask

# settings of a network in which members may differ: they change its weights or its dropout, not its shape
_FREE = ("forget_bias", "initialisation", "embedding_dropout", "layer_dropout", "dropout", "freeze_embedding")
# all that the shared step knows; a setting that came later is thought of before it is fused
_BOUND = (
    *("cell", "input", "embedding_size", "embedding_rows", "hidden_size", "num_layers", "bidirectional"),
    *("pooling", "join", "masked", "biases"),
)
_TRAINER = {"devices": 1, "accumulate": 1, "precision": "32-true"}  # Lightning sets precision for a process
CELLS = ("bag", "gru", "lstm", "rnn")
POOLINGS = ("last", "mean", "max", "mean_max")


def why_alone(run: RunConfig) -> str | None:
    """Return why a run cannot take its steps with others; None where it can."""
    for name, needed in _TRAINER.items():
        if getattr(run.trainer, name) != needed:
            return f"trainer.{name}={getattr(run.trainer, name)}"
    if run.model.cell not in CELLS:
        return f"model.cell={run.model.cell}"
    if run.model.pooling not in POOLINGS:
        return f"model.pooling={run.model.pooling}"
    if run.task != TaskConfig():  # the shared step knows cross-entropy without weights alone
        weighted = run.task.class_weights is not None
        return "task.class_weights" if weighted else f"task={run.spec.name}"
    defaults = ModelConfig()
    for setting in fields(ModelConfig):
        value = getattr(run.model, setting.name)
        if setting.name not in (*_FREE, *_BOUND) and value != getattr(defaults, setting.name):
            return f"model.{setting.name}={value}"
    return None


def shape_of(run: RunConfig) -> str:
    """Name what runs must share to take their steps together: the network's shape and where it is trained."""
    model, trainer = asdict(run.model), run.trainer
    where = (trainer.accelerator, trainer.precision, trainer.threads)
    return json.dumps({**{name: model[name] for name in _BOUND}, "where": where}, sort_keys=True)


def shape_of_task(task: TrialTask) -> str | None:
    """Return what a task must share with others to take its steps with theirs; None where it cannot."""
    run = task.run
    return None if task.role == "baseline" or run is None or why_alone(run) else shape_of(run)
