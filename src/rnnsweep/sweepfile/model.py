"""The keys of a sweep file: their types, their defaults and what an editor says of each."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from rnnsweep.options import (
    Count,
    Flag,
    Natural,
    Number,
    Positive,
    Section,
    Several,
    Text,
    Word,
    fault,
    must_be,
    one_of,
    unknown,
    wrong,
)
from rnnsweep.sweepfile.design import Design, Replicates
from rnnsweep.sweepfile.inheriting import KEY as LIKE
from rnnsweep.sweepfile.methods import PRUNERS, SAMPLERS, method_of
from rnnsweep.sweepfile.search_space.constraints import Constraints, Objectives
from rnnsweep.sweepfile.search_space.entries import SpaceSpec
from rnnsweep.sweepfile.slots import parse_slots
from rnnsweep.sweepfile.sweep import Method

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"
NAME_RIGHT = "letters, digits, `_`, `-` and `.`, as it names a folder"
_NAME: dict[str, Any] = {"pattern": f"^{NAME}$"}
BASELINE = "linear"  # the baseline's name among the architectures and the runs
BUDGETS = ("trials", "seconds", "epochs")


VARIES = ("all", "initialisation", "order", "seed", "split")


def _enough(schema: dict[str, Any]) -> None:
    """Let a file that is like another leave out what it takes from there."""
    required = schema.pop("required")
    schema["properties"][LIKE] = {
        "type": "string",
        "description": "a sweep file in the same folder, from which keys that are missing here are taken",
    }
    whole = [{"required": [*required, budget]} for budget in BUDGETS]
    schema["anyOf"] = [*whole, {"required": [LIKE]}]


def _folder_name(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise wrong(NAME_RIGHT)
    return name


def _settings(overrides: tuple[str, ...]) -> tuple[str, ...]:
    for override in overrides:
        if not override.partition("=")[0].strip() or "=" not in override:
            raise fault(f"{override!r}: must be key=value")
    return overrides


def _architectures(value: Any) -> Any:
    if value == {}:
        raise wrong("a list, or a mapping of names to overrides, with at least one entry")
    if isinstance(value, list) and any(isinstance(entry, Mapping) for entry in value):
        named: dict[str, Any] = {}
        for entry in value:
            named |= entry if isinstance(entry, Mapping) else {str(entry): [f"model={entry}"]}
        mapping = json.dumps(named, default=str).replace('"', "")
        raise fault(f"one entry has settings, so write a mapping of names for all: {mapping}")
    return value


def _slots(value: Any) -> str | None:
    if value is not None:
        parse_slots(value)
    return None if value is None else str(value)


def _launcher(value: Any) -> Method | None:
    """Read ``fused`` or ``{name: fused, fuse: 8}``; the launcher reads its options itself.

    A section without a name is of the launcher that has these options.
    """
    if value is None or value == {}:
        return None
    section = {"name": value} if isinstance(value, str) else value
    if not isinstance(section, Mapping) or not all(isinstance(key, str) for key in section):
        raise wrong("the name of a launcher, or a mapping of its name and options")
    name = section.get("name", "")
    if not isinstance(name, str) or ("name" in section and not name.strip()):
        raise wrong("the name of a launcher, or a mapping of its name and options")
    return Method(name, {key: option for key, option in section.items() if key != "name"})


_LAUNCHER: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "object"}, {"type": "null"}]}


def _nothing(value: Any) -> Any:
    return value or None


_Key: TypeAlias = Annotated[
    str, Field(strict=True), must_be("a key that is text"), AfterValidator(_folder_name)
]
_Settings: TypeAlias = Annotated[Several[Word], AfterValidator(_settings)]
_Architectures: TypeAlias = Annotated[
    Annotated[Several[Word], Tag("<list>")] | Annotated[dict[_Key, _Settings], Tag("<mapping>")],
    Discriminator(lambda value: "<mapping>" if isinstance(value, Mapping) else "<list>"),
    BeforeValidator(_architectures),
]
_Words: TypeAlias = Annotated[Several[Word] | None, BeforeValidator(_nothing)]


class SweepFile(Section):
    """A question, what may be spent on it, and what is searched. Budgets are for each architecture."""

    model_config = ConfigDict(title="A sweep file of rnnsweep", json_schema_extra=_enough)
    read_before = (LIKE,)

    name: Annotated[Text, AfterValidator(_folder_name), Field(json_schema_extra=_NAME)] | None = Field(
        default=None,
        description="name of the sweep and of its folder; the file's name where it is absent",
        examples=["lr-by-architecture"],
    )
    architectures: _Architectures = Field(
        description="files of conf/model/ by name, or a mapping of own names to lists of overrides, as "
        "{small: [model=gru, model.hidden_size=32], large: [model=gru, model.hidden_size=64]}",
        examples=[["bilstm", "bigru"]],
    )
    trials: Count | None = Field(
        default=None, description="trials of each architecture's search", examples=[24]
    )
    seconds: Positive | None = Field(
        default=None, description="seconds that each architecture's trials may take together", examples=[600]
    )
    epochs: Positive | None = Field(
        default=None, description="epochs that each architecture's trials may take together", examples=[100]
    )
    overrides: Annotated[_Settings | None, BeforeValidator(_nothing)] = Field(
        default=None,
        description="settings of every run, as on the command line",
        examples=[["data=files", "data.train=reviews.csv"]],
    )
    space: SpaceSpec = Field(
        description="what is searched: a list of choices, {type: int | float, low: ..., high: ...},"
        " or {parameters: ...} for a width that is derived from a number of parameters",
        examples=[{"optimizer.lr": {"type": "float", "low": 0.001, "high": 0.03, "log": True}}],
    )
    per_architecture: dict[str, SpaceSpec] = Field(
        default={},
        description="keys that are searched in addition, or in another range, for some architectures",
        examples=[{"bag": {"model.embedding_size": [32, 64]}}],
    )
    constraints: Constraints = Field(
        default=Constraints(),
        description="most parameters, seconds and memory that a trial may have",
        examples=[{"parameters": 200000}],
    )
    objectives: Objectives = Field(
        default=("validation",),
        description="what the search improves: a high validation score; few parameters, seconds or bytes",
        examples=[["validation", "parameters"]],
    )
    objective: Text | None = Field(
        default=None,
        description="the score of the task that decides; its first by default",
        examples=["log_loss"],
    )
    warm_start: _Words = Field(
        default=None,
        description="earlier sweeps whose trials the samplers start from",
        examples=[["quickstart"]],
    )
    stop_after: Count | None = Field(
        default=None,
        description="an architecture's search ends after this many trials in a row without a better one",
        examples=[10],
    )
    target: Number | None = Field(
        default=None,
        description="value of the objective on the validation part at which an architecture's search ends",
        examples=[0.92],
    )
    replicates: Replicates = Field(
        default=Design(),
        description="trainings of each best configuration with other seeds: a number, or planned looks",
        examples=[{"first": 6, "most": 30, "looks": 3}],
    )
    vary: one_of(*VARIES) = Field(default="all", description="what replicates vary", examples=["seed"])  # type: ignore[valid-type]
    sampler: method_of(SAMPLERS) = Field(  # type: ignore[valid-type]
        default="tpe",
        validate_default=True,
        description="Optuna's sampler",
        examples=[{"name": "tpe", "n_startup_trials": 8}],
    )
    pruner: method_of(PRUNERS) | None = Field(  # type: ignore[valid-type]
        default=None,
        description="Optuna's pruner; median, or none where there are several objectives",
        examples=["median"],
    )
    seed: Natural = Field(default=0, description="seed of the search and of its trials", examples=[1])
    slots: Annotated[str | int | None, BeforeValidator(_slots)] = Field(
        default=None,
        description="how many trials at a time: 4, cpu:2,cpu:2 (threads of each), gpu:0,gpu:1 or gpu:0/auto",
        examples=[4],
    )
    launcher: Annotated[Any, BeforeValidator(_launcher), WithJsonSchema(_LAUNCHER)] = Field(
        default=None,
        description="where trials run: local, fused, or {name: fused, fuse: 8}",
        examples=[{"name": "fused", "fuse": 8}],
    )
    retries: Natural = Field(
        default=1, description="further attempts of a trial whose process crashed", examples=[2]
    )
    time_limit: Positive | None = Field(default=None, description="seconds of one trial", examples=[300])
    baseline: Flag = Field(
        default=True, description="fit the linear baseline on the same split", examples=[False]
    )

    @model_validator(mode="after")
    def _check(self) -> "SweepFile":
        if not any(getattr(self, budget) for budget in BUDGETS):
            raise fault("no budget: `trials:`, `seconds:` or `epochs:` is missing")
        known = list(self.architectures)
        if BASELINE in known:
            raise fault(
                f"architectures: {BASELINE!r}: must be another name: the baseline of each sweep has this one"
            )
        for name in self.per_architecture:
            if name not in known:
                way = "Delete it here, too, or add it to `architectures:`"
                raise unknown(name, known, inside="per_architecture", way=way)
        return self


class _Schema(GenerateJsonSchema):
    """Without titles that only repeat a key, and without defaults that a file cannot have."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().default_schema(schema)
        return {key: value for key, value in made.items() if key != "default" or value not in (None, ())}


def sweep_schema() -> dict[str, Any]:
    """Return the JSON schema of a sweep file, by which editors complete and check one."""
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        **SweepFile.model_json_schema(schema_generator=_Schema),
    }
