"""One run's configuration: composed by Hydra from conf/, checked against the typed schema, and flattened."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from rnnsweep.classifier.config import OptimizerConfig, TrainerConfig
from rnnsweep.data.config import DataConfig
from rnnsweep.networks.config import ModelConfig
from rnnsweep.places import find_places
from rnnsweep.tracking.config import TrackingConfig


@dataclass
class RunSchema:
    """The keys that a run has: what files of conf/ and overrides may set."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    seed: int = 0


@dataclass
class RunConfig(RunSchema):
    """One training of one configuration with one seed, and what it was composed from."""

    choices: dict[str, str] = field(default_factory=dict)  # group -> file, as {"model": "bilstm"}
    overrides: tuple[str, ...] = ()  # pasted after `rnnsweep train`, they repeat the run

    @property
    def architecture(self) -> str:
        """The name of the file of conf/model/ that the run was composed from."""
        return self.choices["model"]


def compose(overrides: Sequence[str] = (), *, conf: Path | None = None) -> RunConfig:
    """Compose one run from the files of conf/ and the overrides, as ``["model=gru", "optimizer.lr=0.01"]``.

    Raises:
        UserError: an override that does not parse, an unknown key or file, a wrong type, a value out of range.
    """
    GlobalHydra.instance().clear()
    # without the schema in the defaults list, keys that no file sets could not be overridden
    ConfigStore.instance().store(name="run_schema", node=RunSchema)
    folder = conf or find_places().conf
    with initialize_config_dir(config_dir=str(folder), version_base="1.3"):
        composed = hydra_compose("config", overrides=list(overrides), return_hydra_config=True)
    choices = {
        str(group): str(name)
        for group, name in composed.hydra.runtime.choices.items()
        if not str(group).startswith("hydra/") and name is not None
    }
    values = OmegaConf.to_container(composed)
    assert isinstance(values, dict)
    del values["hydra"]
    # `+model.hiden_size=3` passes Hydra's own check; merged as plain values onto the types, it does not
    checked = OmegaConf.merge(OmegaConf.structured(RunSchema), values)
    schema = OmegaConf.to_object(checked)
    assert isinstance(schema, RunSchema)
    parts = {f.name: getattr(schema, f.name) for f in fields(RunSchema)}
    return RunConfig(**parts, choices=choices, overrides=tuple(overrides))


def flatten(run: RunConfig) -> dict[str, Any]:
    """Give every setting under the name of its override: ``{"model": "gru", "model.hidden_size": 64, ...}``."""
    flat: dict[str, Any] = dict(run.choices)
    for part in fields(RunSchema):
        value = getattr(run, part.name)
        if hasattr(value, "__dataclass_fields__"):
            flat |= {f"{part.name}.{f.name}": getattr(value, f.name) for f in fields(value)}
        else:
            flat[part.name] = value
    return flat
