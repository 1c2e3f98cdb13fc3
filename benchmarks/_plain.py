"""Plain Optuna and Lightning as their documentation writes them: one process of a study."""

import sys
import tempfile
import warnings
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks._workload import BATCH, EPOCHS, FIXED
from rnnsweep.config import compose
from rnnsweep.data import EncodedCorpus, prepare

if TYPE_CHECKING:
    import optuna  # imported where a study is: the benchmark of the first seconds has none


class Rows(torch.utils.data.Dataset):
    """Token lists and labels of one part."""

    def __init__(self, part: Any) -> None:
        ends = part.offsets_N1
        self.rows = [part.ids[ends[n] : ends[n + 1]].tolist() for n in range(len(part))]
        self.targets = part.targets_N.tolist()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> tuple[list[int], int]:
        return self.rows[row], self.targets[row]


def collate(items: list[tuple[list[int], int]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pad the rows of a batch to its longest."""
    lengths = torch.tensor([max(1, len(tokens)) for tokens, _ in items])
    tokens = [torch.tensor(tokens or [0]) for tokens, _ in items]
    padded = nn.utils.rnn.pad_sequence(tokens, batch_first=True)
    return padded, lengths, torch.tensor([target for _, target in items])


class Net(pl.LightningModule):
    """Embedding, packed LSTM or GRU, mean over the real steps, linear."""

    def __init__(self, lr: float, hidden: int, corpus: EncodedCorpus, cell: str = "lstm") -> None:
        super().__init__()
        self.lr = lr
        self.embedding = nn.Embedding(len(corpus.vocabulary), 64, padding_idx=0)
        self.layer = {"lstm": nn.LSTM, "gru": nn.GRU}[cell](64, hidden, batch_first=True)
        self.dropout, self.output = nn.Dropout(0.5), nn.Linear(hidden, len(corpus.labels))

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.layer(packed)[0], batch_first=True)
        return self.output(self.dropout(states.sum(1) / lengths[:, None]))

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        tokens, lengths, targets = batch
        loss = F.cross_entropy(self(tokens, lengths), targets)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        tokens, lengths, targets = batch
        accuracy = (self(tokens, lengths).argmax(1) == targets).float().mean()
        self.log("val_acc", accuracy, on_epoch=True, batch_size=len(targets))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.lr)


class Pruning(pl.Callback):
    """Reports each epoch, as Optuna's callback for Lightning does."""

    def __init__(self, trial: "optuna.Trial") -> None:
        self.trial = trial

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        import optuna

        self.trial.report(float(trainer.callback_metrics["val_acc"]), trainer.current_epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned


class Objective:
    """One training; the corpus is read once a process."""

    def __init__(self) -> None:
        self.corpus = prepare(compose([*FIXED, "model=lstm"]).data)
        self.train, self.validation = Rows(self.corpus.train), Rows(self.corpus.validation)

    def __call__(self, trial: "optuna.Trial") -> float:
        lr = trial.suggest_float("optimizer.lr", 1e-3, 1e-2, log=True)
        hidden = trial.suggest_int("model.hidden_size", 16, 64)
        with tempfile.TemporaryDirectory() as folder:
            trainer = pl.Trainer(
                max_epochs=EPOCHS,
                accelerator="cpu",
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                default_root_dir=folder,
                callbacks=[Pruning(trial)],
            )
            trainer.fit(Net(lr, hidden, self.corpus), *self._loaders())
        return float(trainer.callback_metrics["val_acc"])

    def _loaders(self) -> list[torch.utils.data.DataLoader]:
        return [
            torch.utils.data.DataLoader(
                part, batch_size=BATCH, shuffle=part is self.train, collate_fn=collate
            )
            for part in (self.train, self.validation)
        ]


def open_study(journal: str, sampler: "optuna.samplers.BaseSampler | None" = None) -> "optuna.Study":
    """Open the study, or make it; its sampler draws at random unless another one is given."""
    import optuna
    from optuna.storages.journal import JournalFileBackend  # Hydra's sweeper comes with an older Optuna

    return optuna.create_study(
        storage=optuna.storages.JournalStorage(JournalFileBackend(journal)),
        study_name="plain",
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
        sampler=sampler or optuna.samplers.RandomSampler(seed=0),
    )


def main(journal: str) -> None:
    """Work on the study until none of its trials waits."""
    import optuna

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)  # more would take each other's cores away
    study, objective = open_study(journal), Objective()
    while study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,)):
        study.optimize(objective, n_trials=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
