"""The GPUs that this process may use, by their place among the visible ones or by CUDA's names.

`count_visible` is the one probe: everything here asks it, so a test pretends GPUs by replacing it.
"""

import os
import sys
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
MPS = "CUDA_MPS_PIPE_DIRECTORY"  # trials inherit it, and CUDA reads it
_MPS_FOLDER = "/tmp/nvidia-mps"
_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # NVIDIA's, the one of WSL, AMD's


def count_visible() -> int:
    """Count the GPUs that PyTorch can use here; costs nothing where there is no driver."""
    if sys.platform == "linux" and not any(Path(driver).exists() for driver in _DRIVERS):
        return 0
    import torch

    return torch.cuda.device_count()


def has_metal() -> bool:
    """Return whether this is a Mac with a GPU that PyTorch calls MPS."""
    if sys.platform != "darwin":
        return False
    import torch

    return torch.backends.mps.is_available()


def memory_now() -> tuple[int, int, int]:
    """Return the free bytes of this process's GPU, what PyTorch holds of it here, and the most it held."""
    import torch

    free, _ = torch.cuda.mem_get_info()
    return free, torch.cuda.memory_reserved(), torch.cuda.max_memory_reserved()


def kind() -> str:
    """Return the name and the size of the GPU that this process sees."""
    import torch

    one = torch.cuda.get_device_properties(0)
    return f"{one.name}, {one.total_memory} bytes"


def limit_memory(size: int) -> None:
    """Let PyTorch take so many bytes at most of each GPU that this process sees."""
    import torch

    for number in range(torch.cuda.device_count()):
        total = torch.cuda.get_device_properties(number).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, size / total), number)


def has_mps() -> bool:
    """Return whether NVIDIA's MPS is started: through its daemon several processes compute at once."""
    return (Path(os.environ.get(MPS) or _MPS_FOLDER) / "control").exists()


def visible_names() -> list[str] | None:
    """Return the devices that ``CUDA_VISIBLE_DEVICES`` leaves to this process; None where it is not set.

    CUDA reads it up to the first entry that is no device.
    """
    text = os.environ.get(VISIBLE)
    if text is None:
        return None
    names: list[str] = []
    for word in text.split(","):
        name = word.strip()
        if not name or name.startswith("-"):
            break
        names.append(name)
    return names


def device_names(gpu: str | None) -> str:
    """Return what ``CUDA_VISIBLE_DEVICES`` must be for a process that uses these GPUs.

    Args:
        gpu: places among the visible GPUs, or names of CUDA, separated by commas; None is no GPU.

    Returns:
        ``"5"`` for place 1 where ``CUDA_VISIBLE_DEVICES=2,5``; names as they are.
    """
    visible = visible_names()
    return ",".join(_device_name(word, visible) for word in (gpu or "").split(",") if word)


def _device_name(word: str, visible: list[str] | None) -> str:
    return (
        visible[int(word)] if visible is not None and word.isdecimal() and int(word) < len(visible) else word
    )


def is_visible(gpu: str, count: int) -> bool:
    """Return whether a GPU is one of the `count` visible ones; CUDA takes the beginning of a name for it."""
    if gpu.isdecimal():
        return int(gpu) < count
    names = visible_names()
    named = [] if names is None else [name for name in names if not name.isdecimal()]
    return count > 0 and (not named or any(name.startswith(gpu) or gpu.startswith(name) for name in named))
