"""What a run may set: every key with its type, and the typed result."""

import copy
from dataclasses import dataclass, field, fields, is_dataclass
from difflib import SequenceMatcher, get_close_matches
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf

from rnnsweep.config.foreign_keys import instead_of
from rnnsweep.data.config import DataConfig
from rnnsweep.errors import UserError
from rnnsweep.networks.config import ModelConfig
from rnnsweep.optim.config import OptimizerConfig, TrainerConfig
from rnnsweep.settings import ANY_NUMBER, SEED, About, about_settings, check_settings, setting
from rnnsweep.tasks import LOSS, Score, TaskConfig, TaskSpec, find_spec
from rnnsweep.tracking.config import TrackingConfig

GROUPS = ("task", "data", "model", "optimizer", "trainer", "tracking", "experiment")
_ALSO_CALLED = {
    "learning_rate": "optimizer.lr",
    "epochs": "trainer.max_epochs",
    "layers": "model.num_layers",
    "units": "model.hidden_size",
    "gpus": "trainer.devices",
    "gradient_clip_val": "optimizer.gradient_clip",
}
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


_OF_RUN = "takes the run's seed"


@dataclass
class SeedsConfig:
    """Seeds of the parts of chance in a training, to vary one alone; null takes the run's `seed`.

    Which rows are validation rows is `data.split_seed`.
    """

    initialisation: int | None = setting(
        None, "the weights that a new network starts from", within=SEED, null=_OF_RUN, example=1
    )
    order: int | None = setting(
        None, "which rows share a batch, and the order of the batches", within=SEED, null=_OF_RUN, example=1
    )
    dropout: int | None = setting(None, "which numbers dropout removes", within=SEED, null=_OF_RUN, example=1)

    def __post_init__(self) -> None:
        """Refuse seeds that a generator would refuse, naming the key."""
        check_settings("seeds", self)


@dataclass
class RunSchema:
    """The keys that a run has: what files of conf/ and overrides may set."""

    task: TaskConfig = field(default_factory=TaskConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    objective: str | None = setting(
        None,
        "score that decides: the search, the best weights, early stopping, verdicts",
        null="takes the first of the task",
        example="log_loss",
    )
    seed: int = setting(
        0, "seed of everything random in a run; `seeds.*` set parts of it", within=SEED, example=1
    )
    seeds: SeedsConfig = field(default_factory=SeedsConfig)

    def __post_init__(self) -> None:
        """Refuse a seed that a generator would refuse, and scores that the task does not have."""
        check_settings("", self)
        spec = find_spec(self.task)
        spec.score(self.objective)
        if self.trainer.monitor not in (None, LOSS):
            spec.score(self.trainer.monitor, key="trainer.monitor")

    @property
    def spec(self) -> TaskSpec:
        """What is known of the task before any data is read."""
        return find_spec(self.task)

    @property
    def score(self) -> Score:
        """The score that decides: search, best weights, early stopping, verdicts."""
        return self.spec.score(self.objective)

    def seed_of(self, part: str) -> int:
        """Return the seed of "initialisation", "order" or "dropout": its own, or the run's."""
        own: int | None = getattr(self.seeds, part)
        return self.seed if own is None else own


@dataclass
class RunConfig(RunSchema):
    """One training of one configuration with one seed, and what it was composed from."""

    choices: dict[str, str] = field(default_factory=dict)  # group -> file, as {"model": "bilstm"}
    overrides: tuple[str, ...] = ()  # pasted after `rnnsweep train`, they repeat the run

    @property
    def architecture(self) -> str:
        """The name of the file of conf/model/ that the run was composed from."""
        return self.choices["model"]


def typed_schema() -> DictConfig:
    """Return the typed schema of a run with its defaults, to set values on."""
    return copy.deepcopy(_typed_defaults())  # a third of the time of making it anew


@cache
def _typed_defaults() -> DictConfig:
    typed: DictConfig = OmegaConf.structured(RunSchema)
    return typed


def flatten(run: RunConfig) -> dict[str, Any]:
    """Return every setting by the name of its override: ``{"model": "gru", "model.hidden_size": 64}``."""
    flat: dict[str, Any] = dict(run.choices)
    for key in known_keys():
        section, _, name = key.rpartition(".")
        flat[key] = getattr(getattr(run, section) if section else run, name)
    return flat


@cache
def known_keys() -> dict[str, Any]:
    """Return every key that holds a value, with its type: ``{"model.hidden_size": int, ...}``."""
    keys: dict[str, Any] = {}
    hints = get_type_hints(RunSchema)
    for part in fields(RunSchema):
        section = hints[part.name]
        if is_dataclass(section):
            keys |= {f"{part.name}.{name}": hint for name, hint in get_type_hints(section).items()}
        else:
            keys[part.name] = section
    return keys


@cache
def about_keys() -> dict[str, About]:
    """Return what is known of every key that holds a value; its type is in `known_keys`."""
    about = about_settings(RunSchema)
    hints = get_type_hints(RunSchema)
    for part in fields(RunSchema):
        if is_dataclass(hints[part.name]):
            section = cast("type", hints[part.name])
            about |= {f"{part.name}.{name}": one for name, one in about_settings(section).items()}
    return about


def refuse_unknown_key(key: str, value: object, where: str) -> None:
    """Raise UserError unless `key` holds a value of a run.

    Raises:
        UserError: naming the key, the value, where it is and the nearest right key.
    """
    if key in known_keys():
        return
    if any(known.startswith(f"{key}.") for known in known_keys()):
        raise UserError(
            f"{key}={value!r} ({where}): {key} is a section; set the keys in it, as {example_of(key)}"
        )
    raise UserError(f"{key}={value!r} ({where}): no such key.{instead_of(key) or nearest_key(key)}")


def right_type(key: str) -> str:
    """Return in words what a key takes: ``a whole number, or null``."""
    hint, about = known_keys()[key], about_keys()[key]
    if about.kind:
        return about.kind + (", or null" if about.null else "")
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    words = [_word(kind) for kind in kinds if kind is not NoneType]
    return " or ".join(words) + (", or null" if NoneType in kinds else "")


def right_value(key: str) -> str:
    """Return in words what a key takes, with its range: ``a number (above 0 and below 1)``."""
    within = about_keys()[key].within
    return right_type(key) + (f" ({within.words})" if within and within is not ANY_NUMBER else "")


def _word(kind: Any) -> str:
    return "a list, as [a,b]" if get_origin(kind) is list else _WORDS.get(kind, "a value")


def example_of(section: str) -> str:
    """Return how a key of a section is set; that of another one where the section has no keys."""
    keys = (key for key in known_keys() if key.startswith(f"{section}."))
    return f"{next(keys, 'optimizer.lr')}=..."


def nearest_key(key: str, *, cutoff: float = 0.6) -> str:
    """Name the key that was probably meant: of `mdl.hiden_size` it is model.hidden_size; else nothing.

    Last parts are compared first, then whole names; `cutoff` is how alike two must be, from 0 to 1.
    """
    known = [*known_keys(), *GROUPS]
    above, _, last = key.rpartition(".")
    if above in known_keys():
        return f" Did you mean {above!r}?"
    lasts = [name.rpartition(".")[2] for name in known]
    close = get_close_matches(last, [*lasts, *_ALSO_CALLED], n=1, cutoff=cutoff)
    if not close:
        return ""
    meant = [name for name in known if name.rpartition(".")[2] == close[0]] or [_ALSO_CALLED[close[0]]]
    return f" Did you mean {max(meant, key=lambda name: SequenceMatcher(a=name, b=key).ratio())!r}?"
