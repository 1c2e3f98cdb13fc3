"""The settings of the optimiser, its schedule and the fit."""

from dataclasses import dataclass

from rnnsweep.settings import (
    NOT_NEGATIVE,
    ONE_OR_MORE,
    POSITIVE,
    SHARE,
    Range,
    check_settings,
    setting,
)

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("cosine", "none", "one_cycle", "plateau")
PRECISIONS = ("16-mixed", "32-true", "64-true", "bf16-mixed")


@dataclass
class OptimizerConfig:
    """How the weights are updated."""

    name: str = setting(
        "adam", "algorithm; `optimizer=NAME` sets it with its usual values", choices=OPTIMIZERS, example="sgd"
    )
    lr: float = setting(
        3e-3, "learning rate, at its largest where a schedule changes it", within=POSITIVE, example=0.01
    )
    weight_decay: float = setting(
        0.0,
        "decay of the weights: L2 for adam and sgd, decoupled for adamw",
        within=NOT_NEGATIVE,
        example=0.01,
    )
    momentum: float = setting(0.0, "momentum of sgd; the others do not read it", within=SHARE, example=0.9)
    beta1: float = setting(0.9, "first moment's decay of adam and adamw", within=SHARE, example=0.8)
    beta2: float = setting(0.999, "second moment's decay of adam and adamw", within=SHARE, example=0.99)
    schedule: str = setting(
        "cosine",
        "how the learning rate changes during a training; plateau lowers it when validation stops improving",
        choices=SCHEDULES,
        example="one_cycle",
    )
    gradient_clip: float | None = setting(
        1.0, "largest norm of all gradients together", within=POSITIVE, null="clips nothing", example=5.0
    )
    lazy_embedding: str = setting(
        "auto",
        "update only the rows of the embedding that a batch reads, exactly as if all were updated; off: all",
        choices=("auto", "off"),
        example="off",
    )

    def __post_init__(self) -> None:
        """Refuse values out of range, naming the key."""
        check_settings("optimizer", self)


@dataclass
class TrainerConfig:
    """How long to train, on what, and when to evaluate the validation part."""

    max_epochs: int = setting(5, "epochs of a training at most", within=ONE_OR_MORE, example=10)
    validate_every: float = setting(
        1.0,
        "epochs between two validations; 0.25 validates four times an epoch",
        within=Range("above 0 and at most 1 (epochs)", lambda value: 0 < value <= 1),
        example=0.25,
    )
    patience: int | None = setting(
        None,
        "a training ends after this many validations in a row without improvement",
        within=ONE_OR_MORE,
        null="never ends it early",
        example=3,
    )
    monitor: str | None = setting(
        None,
        "what trainer.patience watches: loss, or a score of the task by its name",
        null="takes the objective",
        suggestions=("loss",),
        example="loss",
    )
    accelerator: str = setting(
        "auto",
        "where a run trains; auto takes a GPU if there is one",
        choices=("auto", "cpu", "gpu"),
        example="cpu",
    )
    accumulate: int = setting(
        1,
        "pieces that a batch is cut into, one in memory at a time; the gradient stays the same",
        within=ONE_OR_MORE,
        example=4,
    )
    devices: int = setting(
        1, "processes of one run; above 1: distributed data parallel", within=ONE_OR_MORE, example=2
    )
    precision: str = setting(
        "32-true",
        "floating-point numbers, by Lightning's names; bf16-mixed is for GPUs and for processors that"
        " multiply in bfloat16 (AVX-512, AMX); others convert each number",
        choices=PRECISIONS,
        example="bf16-mixed",
    )
    threads: int | None = setting(
        1, "threads of one run", within=ONE_OR_MORE, null="leaves PyTorch's default", example=4
    )

    def __post_init__(self) -> None:
        """Refuse values out of range, naming the key."""
        check_settings("trainer", self)
