"""One peer's search, in its own environment: as its documentation writes it, on the network of `_plain`.

`python -m benchmarks._peer NAME FOLDER TRIALS CELL` prints one line of JSON: seconds of the search, [second,
best validation accuracy so far] of each trial that ended, the best one's parameters, and trials that failed.
`python -m benchmarks._peer seeds FOLDER PARAMETERS SEEDS` trains one configuration with each seed. Each
training writes when it began and ended to `FOLDER/trainings.jsonl`, and its process to `FOLDER/process-N`.
"""

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from benchmarks._plain import Net, Rows, collate
from benchmarks._workload import BATCH, EPOCHS, FIXED
from rnnsweep.config import compose
from rnnsweep.data import prepare

SLOTS = 2
LR, HIDDEN = (1e-3, 1e-2), (16, 64)
FOLDER, CELL = "RNNSWEEP_PEER_FOLDER", "RNNSWEEP_PEER_CELL"  # environment: workers of a peer inherit it
Report = Callable[[float, int], None]


def train(lr: float, hidden: int, report: Report | None = None, seed: int = 0) -> float:
    """Train one configuration; return its best validation accuracy."""
    folder = Path(os.environ[FOLDER])
    (folder / f"process-{os.getpid()}").touch()
    began = time.time()
    try:
        return _train(lr, hidden, report, seed)
    finally:  # a trial that is stopped leaves by an exception
        with (folder / "trainings.jsonl").open("a") as file:
            file.write(json.dumps([began, time.time()]) + "\n")


def _train(lr: float, hidden: int, report: Report | None, seed: int) -> float:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    corpus = prepare(compose([*FIXED, "model=lstm"]).data)
    parts = [(Rows(corpus.train), True), (Rows(corpus.validation), False)]
    loaders = [DataLoader(rows, batch_size=BATCH, shuffle=mix, collate_fn=collate) for rows, mix in parts]
    net, scores = Net(lr, hidden, corpus, os.environ[CELL]), []

    class Reports(pl.Callback):
        def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
            if not trainer.sanity_checking:
                scores.append(float(trainer.callback_metrics["val_acc"]))
                if report is not None:
                    report(scores[-1], trainer.current_epoch + 1)

    pl.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Reports()],
    ).fit(net, *loaders)
    return max(scores)


def ray_tune(folder: Path, trials: int) -> dict[str, Any]:
    """Ray Tune: ASHA, Optuna's searcher."""
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    def trainable(config: dict[str, Any]) -> None:
        train(
            config["lr"], config["hidden"], lambda score, epoch: tune.report({"score": score, "epoch": epoch})
        )

    began = time.time()
    ray.init(num_cpus=SLOTS, include_dashboard=False, log_to_driver=False)
    tuner = tune.Tuner(
        trainable,
        param_space={"lr": tune.loguniform(*LR), "hidden": tune.randint(HIDDEN[0], HIDDEN[1] + 1)},
        tune_config=tune.TuneConfig(
            metric="score",
            mode="max",
            num_samples=trials,
            search_alg=OptunaSearch(seed=0),
            scheduler=ASHAScheduler(time_attr="epoch", max_t=EPOCHS, grace_period=1),
            max_concurrent_trials=SLOTS,
        ),
        run_config=tune.RunConfig(storage_path=str(folder), verbose=0),
    )
    results = tuner.fit()
    ended = [
        (one.metrics["timestamp"] - began, one.metrics["score"], one.config)
        for one in (results[number] for number in range(len(results)))
        if one.error is None and "score" in (one.metrics or {})
    ]
    return {**summary(ended, failed=trials - len(ended)), "seconds": time.time() - began}


def syne_asha(folder: Path, trials: int) -> dict[str, Any]:
    """Syne Tune's ASHA on its local backend."""
    from syne_tune.optimizer.baselines import ASHA

    space = _syne_space()
    settings = {"metric": "score", "do_minimize": False, "time_attr": "epoch", "max_t": EPOCHS}
    return _syne(ASHA(space, random_seed=0, **settings), space, trials)


def syne_mobster(folder: Path, trials: int) -> dict[str, Any]:
    """Syne Tune's MOBSTER, ASHA with a Gaussian process; its releases after 0.13 have it no more."""
    from syne_tune.optimizer.baselines import MOBSTER

    space = _syne_space()
    settings = {"metric": "score", "mode": "max", "resource_attr": "epoch", "max_resource_attr": "epochs"}
    return _syne(MOBSTER(space, random_seed=0, **settings), space, trials)


def _syne_space() -> dict[str, Any]:
    from syne_tune.config_space import loguniform, randint

    return {"lr": loguniform(*LR), "hidden": randint(*HIDDEN), "epochs": EPOCHS}


def _syne(scheduler: Any, space: dict[str, Any], trials: int) -> dict[str, Any]:
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend import PythonBackend
    from syne_tune.experiments import load_experiment

    def trainable(lr: float, hidden: int, epochs: int) -> None:
        from syne_tune import Reporter

        from benchmarks._peer import train

        tell = Reporter()
        train(lr, hidden, lambda score, epoch: tell(epoch=epoch, score=score))

    tuner = Tuner(
        trial_backend=PythonBackend(tune_function=trainable, config_space=space),
        scheduler=scheduler,
        stop_criterion=StoppingCriterion(max_num_trials_finished=trials),
        n_workers=SLOTS,
        tuner_name="peer",
    )
    began = time.time()
    try:
        tuner.run()
    except ValueError as error:  # more failed trials than it bears
        print(error, file=sys.stderr)
    seconds = time.time() - began
    table = load_experiment(tuner.name).results
    best = table.groupby("trial_id").agg(
        {"st_tuner_time": "max", "score": "max", "config_lr": "first", "config_hidden": "first"}
    )
    ended = [
        (row.st_tuner_time, row.score, {"lr": row.config_lr, "hidden": int(row.config_hidden)})
        for row in best.itertuples()
    ][:trials]
    return {**summary(ended, failed=trials - len(ended)), "seconds": seconds}


def hydra(folder: Path, trials: int) -> dict[str, Any]:
    """Hydra's Optuna sweeper as lightning-hydra-template has it, with joblib: batches and a barrier."""
    import subprocess

    (folder / "conf.yaml").write_text(
        "defaults: [_self_, {override hydra/sweeper: optuna}, {override hydra/launcher: joblib}]\n"
        "lr: 0.001\nhidden: 16\n"
        "hydra:\n  mode: MULTIRUN\n"
        f"  sweep: {{dir: {folder}}}\n"
        f"  launcher: {{n_jobs: {SLOTS}}}\n"
        f"  sweeper:\n    direction: maximize\n    n_trials: {trials}\n    n_jobs: {SLOTS}\n"
        "    sampler: {seed: 0}\n"
        f"    params:\n      lr: tag(log, interval({LR[0]}, {LR[1]}))\n"
        f"      hidden: range({HIDDEN[0]}, {HIDDEN[1] + 1})\n"
    )
    words = [sys.executable, "-m", "benchmarks._peer", "hydra-trial", "--config-dir", str(folder)]
    began = time.time()
    done = subprocess.run(words, stdout=sys.stderr, check=False)  # a job that fails ends its sweep
    seconds, path = time.time() - began, folder / "trials.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    if done.returncode and not lines:
        raise SystemExit("Hydra's sweep failed before any trial")
    ended = [(line["time"] - began, line["score"], line["config"]) for line in lines]
    return {**summary(ended, failed=trials - len(lines)), "seconds": seconds}


def hydra_trial() -> None:
    """Be Hydra's task."""
    import hydra as library

    @library.main(version_base="1.3", config_path=None, config_name="conf")
    def task(config: Any) -> float:
        score = train(config.lr, config.hidden)
        line = {"time": time.time(), "score": score, "config": {"lr": config.lr, "hidden": config.hidden}}
        with (Path(os.environ[FOLDER]) / "trials.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        return score

    task()


def plain_optuna(folder: Path, trials: int) -> dict[str, Any]:
    """Optuna and Lightning as documented, a pruner on epochs, as many processes as there are slots."""
    import subprocess

    from benchmarks._plain import open_study

    study = open_study(str(folder / "plain.log"))
    words = [sys.executable, "-m", "benchmarks._peer", "plain-process", str(folder), str(trials)]
    began = time.time()
    for process in [subprocess.Popen(words, stdout=sys.stderr) for _ in range(SLOTS)]:
        process.wait()  # one that is killed leaves its trial unfinished, and the other goes on
    ended = []
    for trial in study.trials:
        scores = list(trial.intermediate_values.values())
        if trial.datetime_complete is not None and scores:
            ended.append((trial.datetime_complete.timestamp() - began, max(scores), trial.params))
    return {**summary(ended[:trials], failed=max(0, trials - len(ended))), "seconds": time.time() - began}


def plain_process(folder: str, trials: str) -> None:
    """Be one process of the plain study."""
    import optuna

    from benchmarks._plain import open_study

    def objective(trial: optuna.Trial) -> float:
        def report(score: float, epoch: int) -> None:
            trial.report(score, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        lr = trial.suggest_float("lr", *LR, log=True)
        return train(lr, trial.suggest_int("hidden", *HIDDEN), report)

    # as many processes draw from one study: Optuna's documentation wants `constant_liar` then
    study = open_study(f"{folder}/plain.log", optuna.samplers.TPESampler(constant_liar=True))
    enough = optuna.study.MaxTrialsCallback(int(trials), states=None)
    study.optimize(objective, n_trials=int(trials), callbacks=[enough])


def summary(ended: list[tuple[float, float, dict[str, Any]]], failed: int = 0) -> dict[str, Any]:
    """Put trials that ended in order, with the best score so far."""
    ended = sorted(ended, key=lambda one: one[0])
    best, path = -1.0, []
    for second, score, _ in ended:
        best = max(best, score)
        path.append([second, best])
    winner = max(ended, key=lambda one: one[1])[2]
    return {"path": path, "config": winner, "failed": failed}


def seeds(folder: Path, parameters: str, numbers: str) -> dict[str, Any]:
    """Train a configuration with each seed, as many at a time as there are slots: a loop of one's own."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    config, began = json.loads(parameters), time.time()
    with ProcessPoolExecutor(SLOTS, mp_context=get_context("spawn")) as processes:
        waiting = [
            processes.submit(train, config["lr"], config["hidden"], None, seed)
            for seed in json.loads(numbers)
        ]
        scores = [one.result() for one in waiting]
    return {"seconds": time.time() - began, "scores": scores}


SEARCHES = {
    "ray-tune": ray_tune,
    "syne-asha": syne_asha,
    "syne-mobster": syne_mobster,
    "hydra-optuna": hydra,
    "plain-optuna": plain_optuna,
}


def main(name: str, *words: str) -> None:
    """Do one thing and print its line."""
    if name == "hydra-trial":
        sys.argv[1:] = list(words)
        hydra_trial()
        return
    if name == "plain-process":
        plain_process(*words)
        return
    folder = Path(words[0])
    os.environ[FOLDER] = str(folder)
    if name == "seeds":
        os.environ[CELL] = words[3]
        line = seeds(folder, *words[1:3])
    else:
        os.environ[CELL] = words[2]
        line = SEARCHES[name](folder, int(words[1]))
    print(json.dumps(line))


if __name__ == "__main__":
    main(*sys.argv[1:])
