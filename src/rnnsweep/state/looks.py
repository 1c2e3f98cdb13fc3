"""The looks at a sweep's replicates, of which each pays a share of the 5 %, and what the last one advised."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rnnsweep.files import JsonLines, read_json, write_whole

LOOKS = "looks.jsonl"  # in a sweep's folder: a line for each verdict on replicates that were new

ADVICE = "advice.json"  # in a sweep's folder: the command that the last comparison named


@dataclass(frozen=True)
class Looks:
    """Replicates of each architecture at each look, in order, and earlier looks that did not note them."""

    replicates: tuple[dict[str, int], ...] = ()
    unknown: int = 0
    configurations: tuple[dict[str, str], ...] = ()  # of each look: what each architecture was trained with


def read_looks(folder: Path) -> Looks:
    """Read the looks at a sweep's replicates."""
    lines = list(JsonLines(folder / LOOKS).read())
    known = [line for line in lines if isinstance(line.get("replicates"), dict)]
    return Looks(
        tuple({str(k): int(v) for k, v in line["replicates"].items()} for line in known),
        len(lines) - len(known),
        tuple({str(k): str(v) for k, v in (line.get("configurations") or {}).items()} for line in known),
    )


def note_look(folder: Path, replicates: Mapping[str, int], configurations: Mapping[str, str]) -> None:
    """Note a look at so many replicates of each architecture; one at the same ones is the same look.

    Args:
        folder: of the sweep.
        replicates: of each architecture.
        configurations: what each architecture was trained with, in any words that tell two apart.
    """
    before = read_looks(folder)
    seen = zip(before.replicates, before.configurations, strict=True)
    if not any(dict(replicates) == n and (not of or of == dict(configurations)) for n, of in seen):
        line = {"replicates": dict(replicates), "configurations": dict(configurations)}
        JsonLines(folder / LOOKS).append({"at": round(time.time(), 3), **line})


def write_advice(folder: Path, command: str | None, *, events: int) -> None:
    """Keep the command that a comparison names, with the number of events that the sweep had then."""
    write_whole(folder / ADVICE, json.dumps({"next": command, "events": events}))


def read_advice(folder: Path, *, events: int) -> tuple[bool, str | None]:
    """Return whether a comparison has seen all that happened to a sweep, and the command that it named."""
    values = read_json(folder / ADVICE) or {}
    command = values.get("next")
    if values.get("events") != events or not isinstance(command, str | None):
        return False, None
    return True, command
