"""How many trials fit on a GPU at a time: the largest network of each architecture is tried there first."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from rnnsweep.config import RunConfig, compose, flatten
from rnnsweep.data import prepare
from rnnsweep.hardware import gpus, usable_cores
from rnnsweep.planning.cost import MemoryUse, free_memory, open_gpu, take_first_steps
from rnnsweep.planning.plan import corner
from rnnsweep.search.sizing import CorpusSizes, Sizing
from rnnsweep.search.space import check_space, leave_out_idle
from rnnsweep.sweepfile import Choices, Dimension, Slot, Sweep
from rnnsweep.sweepfile.slots import number_slots

RESERVE = 0.1  # share of the free memory that no trial gets: what others use changes while the sweep runs
PIECES = "trainer.accumulate"  # the fewer pieces, the more memory
_FREE = ("tracking", "seed", "experiment")  # settings that change neither network nor batches

Do: TypeAlias = Callable[..., Any]  # calls a function in another process
Process: TypeAlias = Callable[[], AbstractContextManager[Do]]
Tell: TypeAlias = Callable[[str], object]


class Need(NamedTuple):
    """What the process of one trial takes of a GPU at most, in bytes."""

    pytorch: int
    own: int  # CUDA's context and the code of its libraries

    @property
    def all(self) -> int:
        """Both together."""
        return self.pytorch + self.own


def share_gpu(slot: Slot, need: Need | None, *, free: int, most: int) -> list[Slot]:
    """Return the slots of a GPU, whose trials get equal shares of its free memory but a tenth; at least one.

    Args:
        slot: stands for all of them.
        need: of the largest network; None where it does not fit.
        free: bytes of the GPU that nobody has taken.
        most: slots at most.
    """
    room = int(free * (1 - RESERVE))
    count = 1 if need is None else max(1, min(most, room // max(1, need.all)))
    if need is None or count == 1:
        return [replace(slot, auto=False)]
    return [replace(slot, auto=False, memory=room // count - need.own)] * count


def largest_points(sizing: Sizing, name: str, base: RunConfig) -> list[tuple[str, ...]]:
    """Return the points of a space among which that with the most memory is taken to be.

    All numbers are at their upper end. Words have no order: each is tried, in place of the last.
    """
    dimensions, fixed = [_fewest_pieces(one) for one in sizing.sweep.dimensions(name)], flatten(base)
    spaces = [dimensions, *_with_each_word(dimensions)]
    return list(dict.fromkeys(tuple(sizing.point(name, corner(one, fixed, -1)).overrides) for one in spaces))


def _fewest_pieces(dimension: Dimension) -> Dimension:
    if dimension.key != PIECES:
        return dimension
    if isinstance(dimension, Choices):
        return replace(dimension, choices=(min(dimension.choices),))
    return replace(dimension, high=dimension.low)  # type: ignore[arg-type] # an end of its own


def _with_each_word(dimensions: Sequence[Dimension]) -> Iterator[list[Dimension]]:
    for place, one in enumerate(dimensions):
        if isinstance(one, Choices) and not all(isinstance(each, int | float) for each in one.choices):
            for word in one.choices[:-1]:
                yield [*dimensions[:place], replace(one, choices=(word,)), *dimensions[place + 1 :]]


@dataclass
class Packing:
    """Finds the slots of a sweep on GPUs that trials share by measured memory.

    Attributes:
        sweep: as it was read.
        process: yields what calls functions in a process of its own, as a trial gets one.
        conf: the configuration to compose from.
        known: needs that were measured before, by a digest of what decides them; new ones are added.
        fewest: slots at most of a GPU on which trials of this sweep ran out of memory.
        tell: called with what is measured, and with one line for each GPU.
    """

    sweep: Sweep
    process: Process
    conf: Path | None = None
    known: MutableMapping[str, tuple[int, int]] = field(default_factory=dict)
    fewest: Mapping[str, int] = field(default_factory=dict)
    tell: Tell = lambda words: None

    def slots(self, asked: Sequence[Slot]) -> tuple[Slot, ...]:
        """Return slots with as many in place of each ``auto`` as its GPU has room for.

        Raises:
            UserError: the space does not fit, or the corpus cannot be read.
        """
        points = self._points()
        cores = usable_cores() - sum(slot.threads for slot in asked if not slot.auto)
        each = cores // max(1, sum(slot.auto for slot in asked))
        return number_slots(
            place
            for slot in asked
            for place in (self._shared(slot, points, max(1, each // slot.threads)) if slot.auto else [slot])
        )

    def _points(self) -> dict[str, list[tuple[str, ...]]]:
        bases = check_space(self.sweep, conf=self.conf)
        sizing = Sizing(leave_out_idle(self.sweep, bases), self.conf, CorpusSizes())
        return {name: largest_points(sizing, name, base) for name, base in bases.items()}

    def _shared(self, slot: Slot, points: Mapping[str, list[tuple[str, ...]]], most: int) -> list[Slot]:
        assert slot.gpu is not None
        device = gpus.device_names(slot.gpu)
        needs: dict[str, Need | None] = {}
        with self.process() as watch:
            kind = watch(open_gpu, device)
            for name, own in points.items():
                needs[name] = self._need(slot, name, own, kind, watch)
            free = watch(free_memory)
        misfit = next((name for name, need in needs.items() if need is None), None)
        if misfit is not None:
            why = f"the largest {misfit} takes more than the {_gib(free)} free"
            self.tell(f"{slot.label}: one trial at a time: {why}")
            return share_gpu(slot, None, free=free, most=1)
        found = {name: need for name, need in needs.items() if need is not None}
        largest = max(found, key=lambda name: found[name].all)
        need = Need(max(one.pytorch for one in found.values()), max(one.own for one in found.values()))
        shared = share_gpu(slot, need, free=free, most=min(most, self.fewest.get(slot.gpu, most)))
        self.tell(_line(slot, len(shared), largest, need, free))
        return shared

    def _need(
        self, slot: Slot, name: str, points: list[tuple[str, ...]], kind: str, watch: Do
    ) -> Need | None:
        """Return what the largest network of an architecture takes, as measured now or before."""
        digest = self._digest(points, kind)
        if digest not in self.known:
            self.tell(f"{slot.label}: measuring the memory of the largest {name}")
            need = measure_need(points, gpus.device_names(slot.gpu), self.process, watch, self.conf)
            if need is None:
                return None
            self.known[digest] = need
        return Need(*self.known[digest])

    def _digest(self, points: list[tuple[str, ...]], kind: str) -> str:
        runs = [compose(point, conf=self.conf) for point in points]
        settings = [_settings(run) for run in runs]
        corpora = sorted({prepare(run.data).digest for run in runs})
        decides = [settings, corpora, kind, version("torch"), version("rnnsweep")]
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _settings(run: RunConfig) -> dict[str, str]:
    return {key: repr(value) for key, value in flatten(run).items() if not key.startswith(_FREE)}


def measure_need(
    points: Sequence[Sequence[str]],
    device: str,
    process: Process,
    watch: Do,
    conf: Path | None,
) -> Need | None:
    """Return what the largest of some points takes; None where there is not enough memory for it.

    What counts is how far the free memory of the GPU falls, as another process sees it.

    Args:
        points: overrides of the networks to try.
        device: the GPU, by CUDA's name.
        process: yields what calls functions in a new process.
        watch: calls functions in a process that uses the GPU already.
        conf: the configuration to compose from.

    Returns:
        The most that PyTorch took and the most that came on top of it.

    Raises:
        UserError: the corpus cannot be read, or a point cannot be trained here.
    """
    own = peak = 0
    for overrides in points:
        before = watch(free_memory)
        with process() as trial:
            use: MemoryUse | None = trial(take_first_steps, device, overrides, conf)
        if use is None:
            return None
        own, peak = max(own, before - use.free - use.held), max(peak, use.peak)
    return Need(peak, own)


def _line(slot: Slot, count: int, largest: str, need: Need, free: int) -> str:
    trials = "one trial" if count == 1 else f"{count} trials"
    mps = f"; MPS {'runs' if gpus.has_mps() else 'does not run'}" if count > 1 else ""
    takes = f"the largest network ({largest}) takes {_gib(need.all)} of {_gib(free)} free"
    return f"{slot.label}: {trials} at a time: {takes}{mps}"


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
