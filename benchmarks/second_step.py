"""From Enter to the second step of a training: `rnnsweep train` beside a script of plain Lightning.

Both read the corpus from the cache. Ours with machine code that was compiled before, and with none.

    python -m benchmarks second_step
"""

import json
import os
import statistics
import sys
import tempfile
import time
from functools import wraps
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from typing import Any, cast

from benchmarks._child import STARTED, answer_of
from benchmarks._workload import FIXED, SHARED

OTHER = "a script of plain Lightning on the same corpus, read from the same cache"


def stop_at_second(step: Any) -> Any:
    """Wrap the method that takes a step: after the second it prints the seconds since the start, and ends."""
    taken = []

    @wraps(step)
    def counted(*words: Any) -> Any:
        result = step(*words)
        taken.append(time.time())
        if len(taken) == 2:
            print(json.dumps(taken[1] - float(os.environ[STARTED])), flush=True)
            os._exit(0)
        return result

    return counted


class Watched:
    """A finder that lets the module of trainings stop at the second step, once the command imports it.

    To import it before would take the command's time in which loops are compiled beside its imports.
    """

    name = "rnnsweep.training.module"

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find the module as ever, with one step more after it is run."""
        if name != self.name:
            return None
        sys.meta_path.remove(cast(Any, self))
        spec = find_spec(name)
        assert spec is not None
        loader = cast(Any, spec.loader)
        run_module = loader.exec_module

        def watched(module: Any) -> None:
            run_module(module)
            module.TrainingModule._learn = stop_at_second(module.TrainingModule._learn)

        loader.exec_module = watched
        return spec


def be_ours() -> None:
    """Be `rnnsweep train`."""
    from rnnsweep.cli import main

    sys.meta_path.insert(0, cast(Any, Watched()))
    sys.argv = ["rnnsweep", "train", "model=lstm", *FIXED]
    main()


def be_plain() -> None:
    """Be the script."""
    import pytorch_lightning as pl

    from benchmarks._plain import Net, Objective

    Net.optimizer_step = stop_at_second(Net.optimizer_step)
    objective = Objective()
    trainer = pl.Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.fit(Net(1e-3, 32, objective.corpus), *objective._loaders())


def run(repeats: int = 5) -> list[dict]:
    """Time the three in turn, after one run of each."""
    if not (SHARED / "ag_news" / "train.csv").is_file():
        return []
    turns = []
    for _ in range(repeats + 1):
        with tempfile.TemporaryDirectory() as home:
            here = {"RNNSWEEP_HOME": home}
            cold = {**here, "NUMBA_CACHE_DIR": f"{home}/code"}
            turns.append(
                [
                    answer_of("second_step", "ours", **here),
                    answer_of("second_step", "ours", **cold),
                    answer_of("second_step", "plain"),
                ]
            )
    rows = []
    for place, case in enumerate(("", ", without compiled machine code")):
        pairs = [(turn[place], turn[2]) for turn in turns[1:]]
        ratios = [theirs / own for own, theirs in pairs]
        rows.append(
            {
                "case": f"train: from Enter to the second step{case}",
                "ours": statistics.median(own for own, _ in pairs),
                "other": statistics.median(theirs for _, theirs in pairs),
                "other_name": OTHER,
                "ratio": statistics.median(ratios),
                "range": [min(ratios), max(ratios)],
                "unit": "s",
            }
        )
    return rows


if __name__ == "__main__":
    {"ours": be_ours, "plain": be_plain}[sys.argv[1]]()
