"""The settings of the optimiser, its schedule and the fit."""

from dataclasses import dataclass

from rnnsweep.errors import refuse_unknown, refuse_unless

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("cosine", "none", "one_cycle", "plateau")
PRECISIONS = ("16-mixed", "32-true", "64-true", "bf16-mixed")


@dataclass
class OptimizerConfig:
    """How the weights move."""

    name: str = "adam"  # adam | adamw | sgd
    lr: float = 3e-3
    weight_decay: float = 0.0
    momentum: float = 0.0  # sgd alone
    beta1: float = 0.9
    beta2: float = 0.999
    schedule: str = "cosine"  # none | cosine | plateau | one_cycle
    gradient_clip: float | None = 1.0  # largest norm of all gradients together; null clips nothing
    lazy_embedding: str = "auto"  # auto | off: the exact lazy update of embedding rows

    def __post_init__(self) -> None:
        """Refuse values out of range, naming the key."""
        refuse_unknown("optimizer.name", self.name, OPTIMIZERS)
        refuse_unknown("optimizer.schedule", self.schedule, SCHEDULES)
        refuse_unknown("optimizer.lazy_embedding", self.lazy_embedding, ("auto", "off"))
        refuse_unless(self.lr > 0, "optimizer.lr", self.lr, "above 0")
        refuse_unless(self.weight_decay >= 0, "optimizer.weight_decay", self.weight_decay, "0 or more")
        for name in ("momentum", "beta1", "beta2"):
            value = getattr(self, name)
            refuse_unless(0 <= value < 1, f"optimizer.{name}", value, "at least 0 and below 1")
        refuse_unless(
            self.gradient_clip is None or self.gradient_clip > 0,
            "optimizer.gradient_clip",
            self.gradient_clip,
            "above 0, or null",
        )


@dataclass
class TrainerConfig:
    """How long to train, on what, and when to look at the validation part."""

    max_epochs: int = 5
    validate_every: float = 1.0  # epochs between two validations; .25 validates four times an epoch
    patience: int | None = None  # validations without improvement before stopping; null never stops
    monitor: str | None = None  # what patience watches: loss, or a score of the task; null: the objective
    accelerator: str = "auto"  # auto | cpu | gpu
    accumulate: int = 1  # pieces that a batch is cut into, one in memory at a time; the same gradient
    devices: int = 1  # processes of one run (distributed data parallel above 1)
    precision: str = "32-true"  # Lightning's names: 32-true | bf16-mixed | 16-mixed | 64-true
    threads: int | None = 1  # of torch, in one run; null leaves torch's default

    def __post_init__(self) -> None:
        """Refuse values out of range, naming the key."""
        refuse_unless(self.max_epochs >= 1, "trainer.max_epochs", self.max_epochs, "1 or more")
        refuse_unless(
            0 < self.validate_every <= 1,
            "trainer.validate_every",
            self.validate_every,
            "above 0 and at most 1 (epochs)",
        )
        refuse_unless(
            self.patience is None or self.patience >= 1,
            "trainer.patience",
            self.patience,
            "1 or more, or null",
        )
        refuse_unknown("trainer.accelerator", self.accelerator, ("auto", "cpu", "gpu"))
        refuse_unknown("trainer.precision", self.precision, PRECISIONS)
        for name in ("accumulate", "devices"):
            value = getattr(self, name)
            refuse_unless(value >= 1, f"trainer.{name}", value, "1 or more")
        refuse_unless(
            self.threads is None or self.threads >= 1,
            "trainer.threads",
            self.threads,
            "1 or more, or null",
        )
