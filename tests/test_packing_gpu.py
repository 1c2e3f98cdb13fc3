"""What a pretended GPU cannot show: as many trials as are measured to fit train at once on a real one."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import torch
from simulation import write_sweep

from rnnsweep.hardware import gpus
from rnnsweep.launchers.local.places import slots_here
from rnnsweep.launchers.local.server import fresh_process
from rnnsweep.planning.cost import open_gpu, take_first_steps
from rnnsweep.planning.packing import Packing

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that PyTorch can use"),
]


def trained_in_its_share(memory, device, overrides):
    """Take first steps with no more memory than a trial gets."""
    open_gpu(device)
    gpus.limit_memory(memory)
    return take_first_steps(device, overrides)


def test_as_many_of_the_largest_network_as_fit_train_at_once(tmp_path, short_rows):
    own = json.dumps(["data=files", f"data.train={short_rows}"])
    space = "{model.hidden_size: {type: int, low: 8, high: 512}}"
    sweep = write_sweep(tmp_path, architectures="[lstm]", overrides=own, space=space)
    packing = Packing(sweep, fresh_process)
    points = packing._points()["lstm"]
    slots = packing.slots(slots_here("gpu:0/auto"))
    assert len(slots) > 1
    assert all(pytorch > 0 and others > 0 for pytorch, others in packing.known.values())

    with ExitStack() as stack, ThreadPoolExecutor(len(slots)) as threads:
        processes = [stack.enter_context(fresh_process()) for _ in slots]
        train = lambda do, slot: do(trained_in_its_share, slot.memory, gpus.device_names("0"), points[0])  # noqa: E731
        assert None not in list(threads.map(train, processes, slots))
