"""A file of ``conf/machine/``: where the trials of a sweep run, by one name.

A file that somebody else wrote is data: it names a launcher and addresses, no program and no line of a shell.
What it names is contacted only where the user names the file, with ``--on NAME`` or ``machines NAME``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import yaml
from pydantic import BeforeValidator, Field, WithJsonSchema

from rnnsweep.errors import UserError, nearest
from rnnsweep.options import Count, Locker, PostgreSQL, Section, SharedFolder, Text, fault, read_as, wrong
from rnnsweep.paths import MACHINES, find_paths
from rnnsweep.safety.redaction import refuse_secret
from rnnsweep.settings import Explanation
from rnnsweep.sweepfile.search_space.values import load_yaml, read_text
from rnnsweep.sweepfile.slots import parse_slots

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_EACH = re.compile(r"cpu(?::(?P<threads>[1-9]\d{0,3}))?|gpu(?::1(?:/(?P<share>[1-9]\d?))?)?")
_EACH_RIGHT = "cpu:N (threads of a trial), gpu:1, or gpu:1/N (N trials on a GPU)"
# an option of Slurm becomes a line of a shell script: nothing in it may end the line or begin a command
_PLAIN = re.compile(r"[\w.,:@%+=/\[\]*()&|!-]+")
_PLAIN_RIGHT = "one word of letters, digits and . , : @ % + = / [ ] * ( ) & | ! _ -"
_MINUTES = re.compile(r"(?:(?P<days>\d{1,3})-)?(?P<h>\d{1,4}):(?P<m>[0-5]\d):(?P<s>[0-5]\d)")


@dataclass(frozen=True)
class Share:
    """The slots of a machine.

    Attributes:
        text: as ``--slots`` reads it, of a machine whose slots are named one by one; else None.
        threads: of each trial's process.
        share: trials on one GPU; None for a slot without a GPU.
        most: slots in all; None where only the machine limits them.
        together: slots of one agent, on one node; None leaves it to the engine.
        autoscale: the cluster starts nodes for agents that wait, until there are `most` slots.
    """

    text: str | None = None
    threads: int = 1
    share: int | None = None
    most: int | None = None
    together: int | None = None
    autoscale: bool = False


@dataclass(frozen=True)
class Machine:
    """Where trials run, as a file of conf/machine/ has it."""

    name: str
    path: Path
    engine: str  # name of a launcher
    address: str | None = None
    slots: Share = Share()
    locker: str | None = None
    slurm: Mapping[str, str | int] = field(default_factory=dict)
    studies: str | None = None  # a database that gets a copy of the sweep's state

    @property
    def on(self) -> str:
        """What ``--on`` takes for this file: its name, or the path of one that no name finds."""
        known = _files().get(self.name)
        same = known is not None and known.resolve() == self.path.resolve() and _NAME.fullmatch(self.name)
        return self.name if same else str(self.path.resolve())

    @property
    def contacts(self) -> str:
        """What is contacted by using it, in words; empty where all stays on this machine."""
        parts = [] if self.address is None else [f"{self.engine} at {self.address}"]
        if self.locker is not None:
            parts.append(f"locker {self.locker}")
        if self.studies is not None:
            parts.append(f"studies {self.studies}")
        if self.engine == "slurm":
            parts.insert(0, f"Slurm, partition {self.slurm.get('partition', 'default')}")
        return ", ".join(parts)


def read_machine(name: str | Path) -> Machine:
    """Read a file of conf/machine/ by its name, or by its path.

    Raises:
        UserError: there is no such file; or a key or a value of it is wrong, with what would be right.
    """
    path = _find(str(name))
    text = read_text(path)
    values = load_yaml(text, path)
    return _machine(read_as(MachineFile, _with_times(values or {}, text), place=str(path)), path)


def machine_names() -> list[str]:
    """Return the names of the files of conf/machine/."""
    return sorted(_files())


def _files() -> dict[str, Path]:
    folders = reversed(find_paths().conf_path)
    return {file.stem: file for folder in folders for file in sorted((folder / MACHINES).glob("*.yaml"))}


def _find(name: str) -> Path:
    path, known = Path(name), _files()
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    if _NAME.fullmatch(name) and name in known:
        return known[name]
    have = f"there is {', '.join(sorted(known))}" if known else "there is none"
    raise UserError(f"machine {name!r}: no such file in conf/{MACHINES}; {have}.{nearest(name, known)}")


def _with_times(values: Any, text: str) -> Any:
    """Return the values with ``slurm.time`` as it is written: YAML 1.1 reads ``4:00:00`` as 14400."""
    section = values.get("slurm") if isinstance(values, dict) else None
    if isinstance(section, dict) and isinstance(section.get("time"), int):
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
        for name in ("slurm", "time"):
            node = next(value for key, value in node.value if key.value == name)
        section["time"] = node.value
    return values


def _machine(content: "MachineFile", path: Path) -> Machine:
    for key in ("address", "locker", "studies"):
        refuse_secret(f"{path}: {key}", getattr(content, key))
    if content.engine == "local" and content.address is not None:
        raise UserError(
            f"{path}: address={content.address!r}: engine local is this machine and has no address; take the"
            " key away, or name an engine that has one, such as ray"
        )
    section = content.slurm
    read_by = {"slots: autoscale=True": (content.slots.autoscale, "ray"), "slurm:": (section, "slurm")}
    for key, (given, engine) in read_by.items():
        if given and content.engine != engine:
            raise UserError(
                f"{path}: {key} is read by engine {engine} alone, and engine={content.engine!r}; take it away"
            )
    slurm = {} if section is None else section.model_dump(exclude_none=True)
    places = content.address, content.slots, content.locker
    return Machine(path.stem, path, content.engine, *places, slurm, content.studies)


def _slots(value: Any) -> Any:
    """Read ``4`` or ``gpu:0,gpu:1``, as ``--slots`` does, or a mapping of what each slot is."""
    if value is None:
        return Share()
    if isinstance(value, Mapping):
        each = Each.model_validate(value)
        if each.autoscale and each.most is None:
            raise fault("autoscale: true needs most, the number of slots that nodes are started for")
        threads = each.threads or each.each.threads
        return Share(None, threads, each.each.share, each.most, each.together, each.autoscale)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong(f"a number, places as gpu:0,gpu:1, or {{each: ...}} with {_EACH_RIGHT}")
    try:
        parse_slots(value)
    except UserError as error:
        raise fault(str(error).removeprefix("slots=")) from error
    text = str(value).strip()
    return Share(text, most=int(text) if text.isdecimal() else None)


def _each(value: Any) -> Share:
    match = _EACH.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise wrong(_EACH_RIGHT)
    gpu = str(value).strip().startswith("gpu")
    return Share(None, int(match["threads"] or 1), int(match["share"] or 1) if gpu else None)


def _plain(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | str) or not _PLAIN.fullmatch(str(value)):
        raise wrong(_PLAIN_RIGHT)
    return value


def _time(value: Any) -> int:
    """Read a time limit of Slurm as minutes: ``90``, ``4:00:00``, or ``1-12:00:00`` with days."""
    match = _MINUTES.fullmatch(str(value))
    parts = {key: int(number or 0) for key, number in match.groupdict().items()} if match else {}
    whole = parts["days"] * 1440 + parts["h"] * 60 + parts["m"] + (parts["s"] > 0) if parts else value
    if isinstance(whole, bool) or not str(whole).isascii() or not str(whole).isdecimal() or not int(whole):
        raise wrong("minutes (90), hours (4:00:00) or days (1-12:00:00)")
    return int(whole)


_Word: TypeAlias = Annotated[str | int, BeforeValidator(_plain)]
_SHARE: dict[str, Any] = {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "object"}]}


class Each(Section):
    """The slots of a machine by what each of them is."""

    each: Annotated[Any, BeforeValidator(_each), WithJsonSchema({"type": "string"})] = Field(
        default=Share(),
        description="what a trial gets: cpu:N (threads), gpu:1, or gpu:1/N (N trials on a GPU)",
        examples=["gpu:1/2"],
        json_schema_extra={"x-default": "cpu:1"},
    )
    threads: Count | None = Field(default=None, description="threads of a trial on a GPU", examples=[2])
    most: Count | None = Field(default=None, description="slots in all", examples=[64])
    together: Count | None = Field(
        default=None,
        description="slots of one agent on one node: at least `trainer.devices`",
        examples=[4],
    )
    autoscale: bool = Field(
        default=False,
        description="a Ray cluster starts nodes for trials that wait, until there are `most` slots",
        examples=[True],
    )


class Slurm(Section):
    """What the jobs of a Slurm cluster ask for: the words of sbatch."""

    partition: _Word | None = Field(default=None, description="the partition of the jobs", examples=["gpu"])
    time: Annotated[int, BeforeValidator(_time)] = Field(
        default=60,
        description="time limit of a job: minutes, or hours as '4:00:00'; agents are renewed before",
        examples=["4:00:00"],
    )
    account: _Word | None = Field(default=None, description="who pays for the jobs", examples=["lab"])
    qos: _Word | None = Field(default=None, description="the quality of service", examples=["low"])
    constraint: _Word | None = Field(
        default=None, description="features that a node must have", examples=["a100"]
    )
    gres: _Word | None = Field(
        default=None,
        description="generic resources of a job, instead of what the slots come to",
        examples=["gpu:a100:1"],
    )
    memory: _Word | None = Field(default=None, description="memory of a job", examples=["16G"])
    nodelist: _Word | None = Field(default=None, description="nodes to take", examples=["n[1-4]"])
    exclude: _Word | None = Field(default=None, description="nodes to leave out", examples=["n7"])
    reservation: _Word | None = Field(default=None, description="a reservation to use", examples=["course"])
    folder: SharedFolder | None = Field(
        default=None,
        description="a folder that all nodes see, for files of jobs",
        examples=["/home/you/jobs"],
    )


class MachineFile(Section):
    """A place where trials run."""

    engine: Text = Field(
        default="local", description="what runs the trials: the name of a launcher", examples=["ray"]
    )
    address: Text | None = Field(
        default=None,
        description="where the engine is: of ray auto, HOST:PORT or ray://HOST:PORT; of slurm the name of"
        " this machine as its nodes call it, with :PORT where others are closed",
        examples=["auto"],
    )
    slots: Annotated[Any, BeforeValidator(_slots), WithJsonSchema(_SHARE)] = Field(
        default=Share(),
        description="trials at a time: a number, places as --slots reads them, or what each slot is",
        examples=[{"each": "gpu:1/2", "threads": 2, "most": 64}],
        json_schema_extra={"x-default": "what the engine has"},
    )
    locker: Locker | None = Field(
        default=None,
        description="a place for whole files: a folder that all nodes see, or s3://BUCKET/PREFIX",
        examples=["s3://lab/rnnsweep"],
    )
    studies: PostgreSQL | None = Field(
        default=None,
        description="a PostgreSQL database that gets a copy of Optuna's studies and of the sweep's state,"
        " where the controller's disk does not last",
        examples=["postgresql://me@db.example/rnnsweep"],
    )
    slurm: Slurm | None = Field(
        default=None,
        description="what the jobs of engine slurm ask for",
        examples=[{"partition": "gpu", "time": "4:00:00"}],
    )


@cache
def explain_machine_keys() -> dict[str, Explanation]:
    """Return the explanation of every key of a machine's file, as ``machine.slots.each``."""
    from rnnsweep.sweepfile.explanations import explanation

    explained = {}
    for prefix, model in (("machine", MachineFile), ("machine.slots", Each), ("machine.slurm", Slurm)):
        schema = model.model_json_schema()
        for name, about in schema["properties"].items():
            key = f"{prefix}.{name}"
            explained[key] = explanation(key, about, schema.get("$defs", {}), of="machine")
    return explained
