"""The looks at a sweep's replicates, of which each pays a share of the 5 %, and what the last one advised."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rnnsweep.files import JsonLines, read_json, write_whole
from rnnsweep.state.folder import SweepFolder

LOOKS = "looks.jsonl"  # in a sweep's folder: a line for each verdict on replicates that were new

ADVICE = "advice.json"  # in a sweep's folder: the command that the last comparison named
Seeds: TypeAlias = Mapping[str, Sequence[str]]  # architecture -> seeds of its replicates


@dataclass(frozen=True)
class Looks:
    """Replicates of each architecture at each look, in order, and earlier looks that did not note them.

    `configurations` are what each architecture was trained with at each look; a look of an earlier version
    names none.
    """

    replicates: tuple[dict[str, int], ...] = ()
    unknown: int = 0
    configurations: tuple[dict[str, str], ...] = ()
    seeds: tuple[dict[str, list[str]], ...] = ()  # of each look: the replicates of each architecture
    planned: tuple[int, ...] | None = None  # numbers of replicates that were planned at the first look


def read_looks(folder: SweepFolder) -> Looks:
    """Read the looks at a sweep's replicates."""
    lines = list(JsonLines(folder.path / LOOKS).read())
    known = [line for line in lines if isinstance(line.get("replicates"), dict)]
    planned = known[0].get("planned") if known else None
    return Looks(
        tuple({str(k): int(v) for k, v in line["replicates"].items()} for line in known),
        len(lines) - len(known),
        tuple({str(k): str(v) for k, v in (line.get("trained") or {}).items()} for line in known),
        tuple({str(k): list(map(str, v)) for k, v in (line.get("seeds") or {}).items()} for line in known),
        tuple(map(int, planned)) if isinstance(planned, list) else None,
    )


def note_look(
    folder: SweepFolder, seeds: Seeds, configurations: Mapping[str, str], planned: Sequence[int]
) -> None:
    """Note a look at replicates of each architecture; one at the same ones is the same look.

    Args:
        folder: of the sweep.
        seeds: of the replicates of each architecture.
        configurations: what each architecture was trained with, in any words that tell two apart.
        planned: numbers of replicates, rising.
    """
    before = read_looks(folder)
    own = {name: list(several) for name, several in seeds.items()}
    if (own, dict(configurations)) not in zip(before.seeds, before.configurations, strict=True):
        line = {
            "replicates": {name: len(several) for name, several in own.items()},
            "seeds": own,
            "trained": dict(configurations),
            "planned": list(planned),
        }
        JsonLines(folder.path / LOOKS).append({"at": round(time.time(), 3), **line})


def write_advice(folder: SweepFolder, command: str | None, aim: str = "") -> None:
    """Keep the command that a comparison of all that happened so far names, and what it settles.

    Without a command nothing is worth it.
    """
    advice = {"next": command, "aim": aim, "events": len(folder.events())}
    write_whole(folder.path / ADVICE, json.dumps(advice))


def read_advice(folder: SweepFolder, *, events: int) -> tuple[str | None, str] | None:
    """Return the command that the last comparison named, and what it settles.

    None where no comparison has seen all that happened to the sweep.
    """
    values = read_json(folder.path / ADVICE) or {}
    command, aim = values.get("next"), values.get("aim", "")  # an earlier version kept no aim
    if values.get("events") != events or not isinstance(command, str | None) or not isinstance(aim, str):
        return None
    return command, aim
