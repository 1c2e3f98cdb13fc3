"""Fused runs on a GPU beside one eager run there: ``python -m benchmarks gpu`` on a machine that has one.

Texts of all members a second, of made-up rows, and the share of what the GPU can do at most: if a step
took no longer than its arithmetic, or its numbers' way through the memory. Without a GPU every row says "not
measured".
"""

import torch

from benchmarks._stacked import made_up_part, speed_alone, speed_together
from rnnsweep.config import RunConfig, compose
from rnnsweep.launchers.fused.stack.stacks import Stacks
from rnnsweep.networks.cells import find_cell
from rnnsweep.networks.size import parameter_count

TURNS = 3
CASES = (
    *((cell, 64, 32, False, members) for cell in ("rnn", "gru", "lstm") for members in (32, 64)),
    ("lstm", 128, 128, True, 32),
)
_SIZE = 1 << 26  # numbers that are copied to measure the memory
_SIDE = 4096  # of the matrices that are multiplied to measure the arithmetic


def settings(cell: str, inputs: int, units: int, both: bool) -> RunConfig:
    """The run of a case: batches of 64 texts."""
    shape = (
        f"model.embedding_size={inputs}",
        f"model.hidden_size={units}",
        f"model.bidirectional={both}".lower(),
    )
    return compose([f"model={cell}", *shape, "data.batch_size=64"])


def name_of(cell: str, inputs: int, units: int, both: bool, members: int) -> str:
    directions = "2 x " if both else ""
    return f"{members} runs fused on one GPU, {cell} {inputs}/{directions}{units}, batch 64"


def measured(case: tuple, device: torch.device) -> list[dict]:
    """Two rows: against one eager run, and against what the GPU can do."""
    *shape, members = case
    run, place = settings(*shape), Stacks()
    turns = [
        (speed_together(run, members, device, stacks=place), speed_alone(run, device)) for _ in range(TURNS)
    ]
    ratios = sorted(one / other for one, other in turns)
    ours, other = sorted(turns)[TURNS // 2]
    most = most_texts(run, members, device)
    return [
        row(case, ours=ours, other=other, ratio=ratios[TURNS // 2], range=[ratios[0], ratios[-1]]),
        row(case, roof=True, ours=ours, other=most, ratio=ours / most),
    ]


def row(case: tuple, *, roof: bool = False, **found) -> dict:
    """One row of the table; what is not found was not measured."""
    return {
        "case": name_of(*case) + (", share of the GPU's roofline" if roof else ""),
        "ours": None,
        "other": None,
        "other_name": "arithmetic or memory, the slower" if roof else "one eager run on that GPU",
        "ratio": None,
        "unit": "texts/s",
        **found,
    }


def most_texts(run: RunConfig, members: int, device: torch.device) -> float:
    """Texts a second if a step took no longer than its arithmetic, or its numbers' way through the memory."""
    part, model, texts = made_up_part(run), run.model, run.data.batch_size
    tokens = texts * float(part.lengths_N.mean())
    directions = 2 if model.bidirectional else 1
    width = model.hidden_size * len(find_cell(model.cell).gates)
    products = tokens * directions * width * (model.embedding_size + model.hidden_size)
    operations = 3 * 2 * products  # forward, and backward for inputs and for weights
    dense = parameter_count(model, vocabulary=0, classes=4)
    kept = tokens * (
        6 * model.embedding_size + 4 * directions * width
    )  # rows and moments; gates twice both ways
    numbers = 7 * dense + kept
    seconds = max(operations / arithmetic(device), 4 * numbers / bandwidth(device))
    return texts / seconds


def timed(function, device: torch.device) -> float:
    """Seconds of a call, the best of five, after one to warm up."""
    taken = []
    for _ in range(6):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        function()
        end.record()
        torch.cuda.synchronize(device)
        taken.append(begin.elapsed_time(end) / 1e3)
    return min(taken[1:])


def arithmetic(device: torch.device) -> float:
    """Operations a second of large single-precision products."""
    one, out = (torch.randn(_SIDE, _SIDE, device=device) for _ in range(2))
    return 2 * _SIDE**3 / timed(lambda: torch.mm(one, one, out=out), device)


def bandwidth(device: torch.device) -> float:
    """Bytes a second of a copy, read and written."""
    one, out = (torch.empty(_SIZE, device=device) for _ in range(2))
    return 8 * _SIZE / timed(lambda: out.copy_(one), device)


def run() -> list[dict]:
    """Measure where a GPU is; say "not measured" where none is."""
    if not torch.cuda.is_available():
        return [row(case, roof=roof, note="no GPU was at hand") for case in CASES for roof in (False, True)]
    device = torch.device("cuda", 0)
    print(torch.cuda.get_device_name(device), flush=True)
    return [found for case in CASES for found in measured(case, device)]
