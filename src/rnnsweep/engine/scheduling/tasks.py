"""The tasks of a sweep: trials, replicates and the baseline, with their names, tags and folders."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from rnnsweep.config import RunConfig, vary
from rnnsweep.drawing.palette import colours
from rnnsweep.state.folder import SweepFolder
from rnnsweep.sweepfile import Sweep
from rnnsweep.sweepfile.model import BASELINE
from rnnsweep.tracking.tags import RUN_COLOUR, Tag
from rnnsweep.trial import TrialTask

DEVICES = "trainer.devices"
_VARIED = {  # what `vary:` says -> the keys that replicates set; the rest stays as in the best trial
    "all": ("seed", "data.split_seed"),
    "seed": ("seed",),
    "split": ("data.split_seed",),
    "initialisation": ("seeds.initialisation",),
    "order": ("seeds.order",),
}
SPLIT = "data.split_seed"
FOLDS = ("data.folds", "data.fold")  # where there are folds, each replicate takes the next for its test part


@dataclass(frozen=True)
class TaskMaker:
    """Makes tasks whose keys and folders are the same after every restart."""

    sweep: Sweep
    identity: str  # drawn when the sweep first started: a sweep that was deleted and run again has other runs
    folder: SweepFolder
    mlruns: Path
    bases: dict[str, RunConfig]  # each architecture's run without the space
    uri: str | None = None  # of the store
    origin: dict[str, str] = field(default_factory=dict)  # provenance of all its runs
    corpora: dict[str, str] = field(default_factory=dict)  # digest of each source of rows and file of vectors

    @property
    def parent_key(self) -> str:
        """The key of the sweep's own run."""
        return f"{self.sweep.name}.{self.identity}"

    def trial(
        self,
        architecture: str,
        number: int,
        overrides: tuple[str, ...],
        *,
        resume: bool,
        tags: Mapping[str, str],
    ) -> TrialTask:
        """Return the task of one trial.

        Args:
            architecture: of the trial.
            number: of the trial within its study.
            overrides: the whole configuration of the trial.
            resume: go on from its checkpoint.
            tags: further tags of its run.
        """
        name = f"{architecture}-{number}"
        return self._task("trial", architecture, name, overrides, number=number, resume=resume, tags=tags)

    def replicate(
        self,
        architecture: str,
        trial: int,
        best: tuple[str, ...],
        *,
        number: int,
        tags: Mapping[str, str],
    ) -> TrialTask:
        """Return the repeat of an architecture's best trial with the seeds of its number.

        The seeds are the same for every architecture, so that differences are taken within a pair.

        Args:
            architecture: of the trial.
            trial: number of the best trial.
            best: the overrides of the best trial.
            number: of the replicate, from 1.
            tags: further tags of its run.
        """
        name = f"{architecture}-{trial}-r{number}"  # another best trial has other replicates
        overrides = (*self._without_seeds(best), *self._seeds(architecture, number))
        return self._task(
            "replicate",
            architecture,
            name,
            overrides,
            number=trial,
            tags={**tags, Tag.REPLICATE: str(number)},
        )

    def baseline(self) -> TrialTask:
        """Make the task of the linear baseline on the search's split.

        It reads the test part only where it is the one fit there is: else its replicates do.
        """
        overrides = tuple(self.sweep.chosen(self.sweep.architectures[0]))
        task = self._task("baseline", BASELINE, BASELINE, overrides, number=None)
        return replace(task, reads_test=not self.refits_baseline)

    def baseline_replicate(self, number: int) -> TrialTask:
        """Make the baseline's fit on the split of the networks' replicate of the same number."""
        first = self.sweep.architectures[0]
        chosen = self._without_seeds(tuple(self.sweep.chosen(first)))
        overrides = (*chosen, *self._seeds(first, number))
        name, tags = f"{BASELINE}-r{number}", {Tag.REPLICATE: str(number)}
        return self._task("baseline", BASELINE, name, overrides, number=None, tags=tags)

    @property
    def varies_split(self) -> bool:
        """Whether replicates vary the training rows, by the validation split or by folds."""
        return (
            SPLIT in _VARIED[self.sweep.vary]
            or self.bases[self.sweep.architectures[0]].data.folds is not None
        )

    @property
    def refits_baseline(self) -> bool:
        """Whether the baseline has replicates, one for each of the networks'."""
        return self.sweep.baseline and self.sweep.replicates > 0 and self.varies_split

    def _without_seeds(self, overrides: tuple[str, ...]) -> tuple[str, ...]:
        varied = {*_VARIED[self.sweep.vary], *FOLDS}
        return tuple(o for o in overrides if o.partition("=")[0].strip() not in varied)

    def with_run(self, task: TrialTask) -> TrialTask:
        """Return a task with its composed run: that of its architecture, with the values of its own.

        Raises:
            UserError: the overrides cannot be composed.
        """
        first = self.sweep.architectures[0]
        base = self.bases[first if task.role == "baseline" else task.architecture]
        where = f"trial {task.name}" if task.role == "trial" else task.name
        return replace(task, run=vary(base, task.overrides, conf=task.conf, where=where))

    def _seeds(self, architecture: str, number: int) -> tuple[str, ...]:
        base = self.bases[architecture]
        seeds = {
            "seed": base.seed + 1 + number,
            "data.split_seed": base.data.split_seed + 1 + number,
            "seeds.initialisation": base.seed_of("initialisation") + 1 + number,
            "seeds.order": base.seed_of("order") + 1 + number,
        }
        folds = base.data.folds
        own = () if folds is None else (f"{FOLDS[0]}={folds}", f"{FOLDS[1]}={number % folds + 1}")
        return (*(f"{key}={seeds[key]}" for key in _VARIED[self.sweep.vary]), *own)

    def devices(self, architecture: str, overrides: Sequence[str] = ()) -> int:
        """Return the number of processes of a training, each of which takes a slot."""
        numbers = [value for key, _, value in (o.partition("=") for o in overrides) if key == DEVICES]
        return int(numbers[-1]) if numbers else self.bases[architecture].trainer.devices

    def _task(
        self,
        role: str,
        architecture: str,
        name: str,
        overrides: tuple[str, ...],
        *,
        number: int | None,
        resume: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> TrialTask:
        folder = self.folder.task(name).path
        return TrialTask(
            key=f"{self.parent_key}.{name}",
            role=role,
            architecture=architecture,
            overrides=overrides,
            folder=folder,
            mlruns=self.mlruns,
            experiment=self.sweep.name,
            name=name,
            number=number,
            searched=searched_keys(self.sweep, architecture) if role == "trial" else (),
            log_scaled=self._log_scaled(architecture),
            parent_key=self.parent_key,
            tags={**self._tags(role, architecture, number, overrides), **(tags or {})},
            conf=self.folder.conf,
            resume=resume or folder.exists(),
            time_limit=self.sweep.time_limit,
            corpora=self.corpora,
            devices=1 if role == "baseline" else self.devices(architecture, overrides),
            uri=self.uri,
            origin=self.origin,
        )

    def _log_scaled(self, architecture: str) -> tuple[str, ...]:
        space = (*self.sweep.space, *self.sweep.per_architecture.get(architecture, ()))
        return tuple(one.key for one in space if getattr(one, "log", False))

    @cached_property
    def _colours(self) -> dict[str, str]:
        """The colour of each architecture, as wherever the sweep is shown."""
        return colours((*self.sweep.architectures, BASELINE))

    def _tags(
        self, role: str, architecture: str, number: int | None, overrides: tuple[str, ...]
    ) -> dict[str, str]:
        tags = {
            Tag.SWEEP: self.sweep.name,
            Tag.ARCHITECTURE: architecture,
            Tag.ROLE: role,
            Tag.STUDY: f"{self.sweep.name}/{architecture}",
            Tag.OVERRIDES: json.dumps(list(overrides)),
            RUN_COLOUR: self._colours[architecture],
        }
        return tags if number is None else {**tags, Tag.TRIAL: str(number)}


def searched_keys(sweep: Sweep, architecture: str) -> tuple[str, ...]:
    """Return the settings that differ among trials: the searched, and derived ones for their budgets."""
    derived = sweep.derivations(architecture)
    budgets = {one.searched for one in derived}
    keys = [d.key for d in sweep.dimensions(architecture) if d.key not in budgets]
    return (*keys, *(one.key for one in derived))
