"""What does here what settings of other templates and tools do there: for answers to a key that is none."""

_INSTEAD = {  # first part of a key, or a whole key -> what to do here
    "logger": "every run is recorded in MLflow; tracking.enabled=false turns that off",
    "wandb": "every run is recorded in MLflow; tracking.enabled=false turns that off",
    "callbacks": "trainer.patience stops early; checkpoints are always written",
    "early_stopping": "trainer.patience stops early",
    "paths": "runs are written to mlruns/; the variable RNNSWEEP_HOME sets the folder that holds it",
    "output_dir": "runs are written to mlruns/; the variable RNNSWEEP_HOME sets the folder that holds it",
    "hparams_search": "a search is a file of sweeps/, or: rnnsweep sweep KEY=A,B --trials N",
    "ckpt_path": "resume an interrupted run with: rnnsweep train --resume RUN",
    "resume_from_checkpoint": "resume an interrupted run with: rnnsweep train --resume RUN",
    "task_name": "tracking.run_name names a run",
    "tags": "tracking.run_name names a run",
    "debug": "trainer.max_epochs=1 makes a short run",
    "trainer.fast_dev_run": "trainer.max_epochs=1 makes a short run",
    "data.num_workers": "rows are batched in memory without workers; leave it out",
    "num_workers": "rows are batched in memory without workers; leave it out",
    "data.path": "data.train names a file of your own",
    "data.file": "data.train names a file of your own",
    "data.lowercase": "each text is lower-cased; data.tokens=characters alone keeps capitals",
    "data.lower": "each text is lower-cased; data.tokens=characters alone keeps capitals",
    "metric": "objective chooses the score that decides",
    "model.embedding": "model.embedding_size is its width; data.vectors names a file of word vectors",
    "test": "a run reads the test part with: rnnsweep evaluate RUN",
    "train": "name the values themselves, as trainer.max_epochs=3",
    "trainer=gpu": "write trainer.accelerator=gpu",
    "trainer=cpu": "write trainer.accelerator=cpu",
    "trainer=ddp": "trainer.devices=2 trains on two GPUs or processes",
    "trainer.limit_train_batches": "data.limit trains on fewer rows",
    "trainer.deterministic": "runs repeat to the last digit on a CPU; set seed",
    "trainer.log_every_n_steps": "trainer.validate_every says when scores are recorded",
    "trainer.check_val_every_n_epoch": "trainer.validate_every is in epochs, as 0.5",
    "trainer.val_check_interval": "trainer.validate_every is in epochs, as 0.5",
    "trainer.strategy": "trainer.devices=2 trains on two GPUs or processes",
    "trainer.accumulate_grad_batches": "write trainer.accumulate",
    "trainer.gradient_clip_val": "write optimizer.gradient_clip",
    "n_trials": "--trials of rnnsweep sweep",
    "n_jobs": "--slots of rnnsweep sweep",
}


def instead_of(key: str) -> str:
    """Return what to do here in place of another tool's key; empty where it is none that is known."""
    words = _INSTEAD.get(key) or _INSTEAD.get(key.partition(".")[0])
    return f" Here {words}." if words else ""
