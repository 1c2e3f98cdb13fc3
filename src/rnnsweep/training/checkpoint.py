"""Checkpoints on disk: whole or not there, and without pickled code.

A folder holds two files: `last.ckpt`, from which a training goes on, and `best.ckpt`, the weights of its best
validation.
"""

import os
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn

from rnnsweep.errors import UserError
from rnnsweep.files import open_own
from rnnsweep.state.task_folder import BEST as BEST, LAST as LAST


def write(content: dict[str, Any], path: Path) -> None:
    """Write a checkpoint; a power cut or a full disk leaves the old one or the new one, nothing between.

    Raises:
        OSError: the disk has no room.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(open_own(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            _save(content, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)  # a disk that is full needs the room
        raise


def _save(content: dict[str, Any], file: BinaryIO) -> None:
    """Let PyTorch write; it hides what the disk said behind an error of its own."""
    refused: list[OSError] = []

    class Writer:
        def write(self, data: bytes) -> int:
            try:
                return file.write(data)
            except OSError as error:
                refused.append(error)
                raise

        def flush(self) -> None:
            file.flush()

    try:
        torch.save(_own(content), Writer())  # type: ignore[arg-type]
    except Exception:
        if refused:
            raise refused[0] from None
        raise


def _own(content: Any) -> Any:
    """Copy tensors that are a slice of a larger memory: PyTorch would write all of it."""
    if isinstance(content, dict):
        return {key: _own(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return type(content)(_own(value) for value in content)
    if isinstance(content, Tensor) and content.untyped_storage().nbytes() > content.nbytes:
        return content.clone()
    return content


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Raises:
        UserError: there is none, or it is none of ours.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"checkpoint {path}: no such file") from None
    except Exception as error:  # torch.load raises half a dozen kinds for a broken file
        raise UserError(f"checkpoint {path}: cannot be read ({type(error).__name__})") from error
    if not isinstance(content, dict) or "weights" not in content:
        raise UserError(f"checkpoint {path}: was not written by rnnsweep")
    return content


def load_weights(network: nn.Module, content: dict[str, Any], path: Path) -> None:
    """Put a checkpoint's weights into a network.

    Raises:
        UserError: they are those of a network of another shape.
    """
    try:
        network.load_state_dict(content["weights"])
    except RuntimeError:
        raise UserError(f"checkpoint {path}: holds a network of another shape than the run's") from None


def random_states(world: int) -> list[dict[str, Any]]:
    """Return the state of PyTorch's random numbers (dropout draws from them) of each of a run's processes."""
    own = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        own["cuda"] = torch.cuda.get_rng_state()
    every: list[Any] = [own] * world
    if world > 1:
        torch.distributed.all_gather_object(every, own)
    return every


def restore_random_state(states: list[dict[str, Any]], *, rank: int) -> None:
    """Put PyTorch's random numbers back to where they were in this process."""
    state = states[min(rank, len(states) - 1)]
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
