"""Seventy-five lines that somebody writes who knows another tool, and the next step that answers each."""

import shlex

import pytest

from rnnsweep.cli import main

# the line -> what its answer must name
LINES = {
    # lightning-hydra-template and Lightning
    "train trainer=gpu": "there is default. Here write trainer.accelerator=gpu.",
    "train trainer.gpus=1": "trainer.devices",
    "train trainer.max_epoch=3": "trainer.max_epochs",
    "train trainer.fast_dev_run=true": "trainer.max_epochs=1",
    "train +trainer.fast_dev_run=true": "trainer.max_epochs=1",
    "train debug=default": "trainer.max_epochs=1",
    "train logger=wandb": "recorded in MLflow",
    "train logger=csv": "recorded in MLflow",
    "train callbacks=default": "trainer.patience",
    "train callbacks.early_stopping.patience=3": "trainer.patience",
    "train paths.output_dir=out": "RNNSWEEP_HOME",
    "train hparams_search=mnist_optuna": "a file of sweeps/",
    "train ckpt_path=last.ckpt": "--resume RUN",
    "train task_name=mine": "tracking.run_name",
    "train tags=[a,b]": "tracking.run_name",
    "train test=true": "rnnsweep evaluate RUN",
    "train trainer.deterministic=true": "set seed",
    "train trainer.strategy=ddp": "trainer.devices=2",
    "train trainer.accumulate_grad_batches=4": "trainer.accumulate",
    "train trainer.gradient_clip_val=1": "optimizer.gradient_clip",
    "train trainer.check_val_every_n_epoch=1": "trainer.validate_every",
    "train trainer.accelerator=cuda": "gpu",
    "train trainer.precision=16": "16-mixed",
    "train trainer.devices=auto": "whole number",
    "train data.num_workers=4": "leave it out",
    "train datamodule.batch_size=32": "data.batch_size",
    "train scheduler=cosine": "optimizer.schedule",
    "train model.optimizer.lr=0.01": "optimizer.lr",
    "train hydra.run.dir=out": "mlruns/",
    "train trainer=ddp": "trainer.devices=2",
    "train +trainer.limit_train_batches=0.1": "data.limit",
    "train --config-name other": "files of conf/",
    "train ~model": "set it instead",
    # plain scripts and scikit-learn
    "train lr=0.1": "optimizer.lr",
    "train learning_rate=0.1": "optimizer.lr",
    "train --lr 0.1": "optimizer.lr=0.1, without",
    "train --epochs 10": "trainer.max_epochs=10, without",
    "train --lr=0.1": "Write instead: optimizer.lr=0.1, without",
    "train --learning-rate 0.1": "Write instead: optimizer.lr=0.1, without",
    "sweep quickstart --trails 9": "Did you mean '--trials'?",
    "sweep quickstart --yes": "Write instead: nothing, as no command asks",
    "train --model gru": "model=gru, without",
    "train --batch-size 10": "data.batch_size=10, without",
    "train --seed 1": "seed=1, without",
    "train epochs=10": "trainer.max_epochs",
    "train batch_size=32": "data.batch_size",
    "train model.hidden=128": "model.hidden_size",
    "train model.hidden_dim=128": "model.hidden_size",
    "train model.units=64": "model.hidden_size",
    "train model.layers=2": "model.num_layers",
    "train model.n_layers=2": "model.num_layers",
    "train model.dropout_rate=0.2": "model.dropout",
    "train model=LSTM": "Did you mean 'lstm'?",
    "train model=transformer": "there is bag",
    "train optimizer=Adam": "Did you mean 'adam'?",
    "train optimizer.lr=fast": "must be a number",
    "train model": "must be key=value",
    "train good.csv": "must be key=value",
    "train data=good.csv": "data.train=good.csv",
    "train data=imdb": "there is ag_news",
    "train data.path=good.csv": "data.train",
    "train data.train=good.csv data.test_size=0.2": "data.test_share",
    "train data.train=good.tsv": "Did you mean 'good.csv'?",
    "train data.train=good.csv data.label=labl": "has columns 'label', 'text'. Did you mean 'label'?",
    "train data.train=good.csv data.text=review": "has columns 'text', 'label'",
    "train data.train=good.csv metric=f1": "objective",
    "train data.train=good.csv objective=f1": "macro_f1",
    "train data.train=good.csv model.embedding=glove": "data.vectors",
    "train data.vectors=glove.6B.100d.txt": "no such file",
    # Optuna, W&B and Ray Tune
    "sweep quickstart --n-trials 20": "--trials",
    "sweep quickstart --n-jobs 4": "--slots",
    "sweep quickstart --workers 4": "--slots",
    "sweep quickstart --count 20": "--trials",
    "sweep quickstart --num-samples 20": "--trials",
    "sweep quickstart --gpus 2": "--slots gpu:0,gpu:1",
    "sweep quickstart --timeout 600": "`seconds:`",
    "sweep quickstart --resume": "the same command resumes",
    "sweep model=lstm,gru --trials 0": "x>=1",
    "sweep optimizer.lr=loguniform(1e-3,1e-1) --trials 3": "interval",
    "agent me/project/abc": "rnnsweep sweep NAME",
    "tune quickstart": "rnnsweep sweep NAME",
    "optimize quickstart": "rnnsweep sweep NAME",
    "fit": "rnnsweep train",
    "run quickstart": "rnnsweep train",
    "test": "rnnsweep evaluate RUN",
    "dashboard": "rnnsweep ui",
    "report quickstart": "rnnsweep compare NAME",
    "logs quickstart": "rnnsweep status",
    "resume quickstart": "rnnsweep train --resume RUN",
    # MLflow, and scores of another tool
    "mlflow ui": "rnnsweep ui",
    "evaluate last.ckpt": "give the id, key or name of one",
    "train --resume last.ckpt": "give the id, key or name of one",
    "compare": "rnnsweep list",
    "compare quickstart": "was not started yet; to start it: rnnsweep sweep quickstart",
    "compare --scores nowhere.csv": "nowhere.csv",
    "compare --scores good.csv": "architecture",
    "compare quickstart --baseline linear": "--scores FILE",
    "config --explain lr": "optimizer.lr",
    "config --explain model.hiden_size": "model.hidden_size",
    "init --from nowhere.csv": "nowhere.csv",
    "init --from good.tsv": "Did you mean 'good.csv'?",
    "predict --file nowhere.csv": "nowhere.csv",
}


def test_there_are_seventy_five_lines_at_least():
    assert len(LINES) >= 75


@pytest.mark.parametrize("line", LINES)
def test_a_newcomers_line_is_answered_with_the_next_step(line, home, capsys):
    rows = [f"the {word} number {n},{word}" for n in range(20) for word in ("red", "blue")]
    (home / "good.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    assert main(shlex.split(line)) == 2
    out, err = capsys.readouterr()
    assert LINES[line] in err
    assert out == ""
    assert err.count("error:") == 1
    assert "Traceback" not in err
