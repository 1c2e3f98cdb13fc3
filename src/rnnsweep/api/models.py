"""Models: the best of each architecture logged and registered, found again, asked and taken elsewhere."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnsweep import models
from rnnsweep.api.comparing.answers import compare
from rnnsweep.api.find_sweep import find_name, store_of
from rnnsweep.api.results import LoggedModels, SweepResult
from rnnsweep.api.single_runs.evaluation import checkpoint_of, recorded_run
from rnnsweep.api.trained_on import training_digests
from rnnsweep.errors import UserError, first_line, nearest
from rnnsweep.paths import ProjectPaths, find_paths
from rnnsweep.state.folder import SweepFolder
from rnnsweep.tasks.names import best, tested
from rnnsweep.tracking.store.registry import (
    CHAMPION,
    ModelEntry,
    aliases,
    found_model,
    no_such_alias,
    register_models,
)
from rnnsweep.tracking.tags import Tag

if TYPE_CHECKING:
    from rnnsweep.comparison import Comparison
    from rnnsweep.comparison.evidence.records import Standing
    from rnnsweep.data import EncodedCorpus
    from rnnsweep.tracking.read.row import RunRow


def log_models(sweep: str | Path, *, comparison: "Comparison | None" = None) -> LoggedModels:
    """Log the best of each architecture as an MLflow model and register it under the sweep's name.

    The best of an architecture is the replicate with the best validation score, or the best trial where there
    are no replicates. The alias ``champion`` goes to the architecture that leads the standings: the best mean
    test score of its replicates.

    Raises:
        UserError: there is no such sweep, or the store does not answer.
    """
    from rnnsweep.models.folder import CODE
    from rnnsweep.tracking.read.runs import run_rows

    places = find_paths()
    name = find_name(sweep, places)
    uri = store_of(name, places)
    comparison = comparison or compare(name)
    chosen = _chosen(comparison)
    rows = {row.run_id: row for row in run_rows(places.mlruns, name, uri=uri)}
    missing: dict[str, str] = {}
    entries: list[ModelEntry] = []
    with tempfile.TemporaryDirectory(prefix="rnnsweep-models-") as folder:
        for number, (standing, run_id) in enumerate(chosen):
            try:
                place = Path(folder) / f"{number}" / "model"
                entries.append(
                    _entry(comparison, standing, rows[run_id], places.mlruns, place, champion=number == 0)
                )
            except UserError as error:
                missing[standing.architecture] = str(error)
        done = register_models(
            places.mlruns, entries, name=name, code=CODE, description=_description(comparison), uri=uri
        )
    return LoggedModels(name, tuple(done), missing)


def log_models_of(
    result: "SweepResult", *, tell: Callable[[str], object] = lambda words: None
) -> tuple[LoggedModels | None, str]:
    """Log the models of a finished sweep, where something is new; return them, or the fault in one line.

    `tell` is called before, as this takes seconds.
    """
    if result.comparison is None or (not result.ran and has_models(result.sweep)):
        return None, ""
    tell("storing the models in MLflow")
    try:
        return log_models(result.sweep, comparison=result.comparison), ""
    except Exception as error:  # the store's own kinds; the sweep is done, and stays so
        return None, first_line(error)


def has_models(sweep: str | Path) -> bool:
    """Return whether a sweep's models are registered."""
    places = find_paths()
    name = find_name(sweep, places)
    return CHAMPION in aliases(places.mlruns, name, uri=store_of(name, places))


def _chosen(comparison: "Comparison") -> "list[tuple[Standing, str]]":
    """Return each architecture with its run to keep, in the order of the standings: the champion is first."""
    natural = comparison.runs.set_index("run_id")["validation"].astype(float)
    scores = comparison.score.turned(natural).to_dict()  # more is better
    chosen = []
    for standing in comparison.standings:
        runs = [one.run_id for one in standing.replicates] or [standing.run_id]
        known = [run for run in runs if scores.get(run) == scores.get(run)]  # not NaN
        if not standing.baseline and known and known[0]:
            chosen.append((standing, max(known, key=scores.__getitem__)))
    return chosen


def _entry(
    comparison: "Comparison",
    standing: "Standing",
    row: "RunRow",
    mlruns: Path,
    folder: Path,
    *,
    champion: bool,
) -> "ModelEntry":

    model, card = _of_run(row, mlruns)
    mean, low, high = standing.natural
    card = replace(
        card,
        mean=mean,
        low=low,
        high=high,
        replicates=standing.test.replicates,
        baseline=comparison.linear.natural[0] if comparison.linear else None,
        sweep=comparison.sweep,
        question=comparison.question,
    )
    text = card.markdown()
    return ModelEntry(
        folder=models.write_model(replace(model, facts=card.facts()), folder, card=text),
        architecture=standing.architecture,
        run_id=row.run_id,
        run_key=row.tags[Tag.KEY],
        experiment_id=row.experiment_id,
        name=standing.architecture,
        card=text,
        champion=champion,
        tags={Tag.ARCHITECTURE: standing.architecture, "rnnsweep.validation": f"{card.validation:.4f}"},
    )


def _description(comparison: "Comparison") -> str:
    return (
        f"Models of sweep {comparison.sweep}: {comparison.question}\n\n{comparison.answer}\n\n"
        "Alias `champion`: the architecture that is ahead in the standings; each architecture has its own."
    )


def _of_run(row: "RunRow", mlruns: Path) -> "tuple[models.TextModel, models.Card]":
    """Make the model of a recorded run, from its checkpoint and its corpus, and its card."""
    from rnnsweep.data import prepare
    from rnnsweep.models.text_model import Scale
    from rnnsweep.tasks.classification import Classes
    from rnnsweep.tasks.regression import Numbers
    from rnnsweep.training.initial import fit_task, restore

    run = recorded_run(row, mlruns)
    corpus = prepare(run.data, overrides=run.overrides)
    network = restore(run, corpus, checkpoint_of(row, mlruns)).requires_grad_(False)
    network = network.double() if run.trainer.precision == "64-true" else network
    card = models.Card(
        architecture=run.architecture,
        run=f"{row.name} ({row.run_id})",
        overrides=run.overrides,
        corpus=corpus.name,
        digest=corpus.digest,
        sizes=corpus.sizes,
        labels=corpus.labels,
        tokens=corpus.tokeniser.tokens,
        max_length=run.data.max_length,
        vocabulary=len(corpus.vocabulary),
        parameters=sum(value.numel() for value in network.parameters()),
        validation=row.metrics.get(best(run.score.name)),
        test=row.metrics.get(tested(run.score.name)),
        score=run.score,
        cut=corpus.tokeniser.cut,
        reading=_reading(corpus),
        files=training_digests(corpus),
        data=corpus.facts.lines(),
    )
    task = fit_task(run, corpus)
    if type(task).answers not in (Numbers.answers, Classes.answers):
        raise UserError(f"task={run.spec.name}: has answers of its own, which models of rnnsweep cannot give")
    scale = Scale(task.mean, task.scale) if isinstance(task, Numbers) else None
    return models.TextModel(
        network, corpus.vocabulary, corpus.labels, corpus.tokeniser, card.facts(), scale
    ), card


def load_model(model: str | Path | None = None, *, uri: str | None = None) -> "models.TextModel":
    """Load a model that answers texts, without running any code but rnnsweep's own.

    Args:
        model: a sweep (its champion), ``SWEEP@ARCHITECTURE``, a run by id, key or name, or a model's
            folder; None is the champion of the sweep that was started last.
        uri: the store, as setting `tracking.uri`.

    Raises:
        UserError: there is no such model, or its folder is not one of ours.
    """
    places = find_paths()
    if model is not None and _is_folder(model):
        return models.read_model(Path(model).expanduser())
    name, alias = _asked(model, places)
    with found_model(places.mlruns, name, alias or "champion", uri=uri or store_of(name, places)) as folder:
        if folder is not None:
            return models.read_model(folder)
    return _without_registry(name, alias, places, uri)


def _reading(corpus: "EncodedCorpus") -> dict[str, Any]:
    """Return how the table was read, for tables that the model is asked about."""
    from rnnsweep.data import read_options

    if corpus.config.corpus != "files":
        return {}
    options = read_options(corpus.config)
    text = list(corpus.text_columns)
    return {"text": text, "delimiter": options.delimiter, "quote": options.quote, "header": options.header}


def _is_folder(model: str | Path) -> bool:
    return isinstance(model, Path) or model.startswith(("/", "./", "../", "~")) or Path(model).is_dir()


def _asked(model: str | Path | None, places: ProjectPaths) -> tuple[str, str | None]:
    if model is None:
        return _last_sweep(places), None
    text = str(model).removeprefix("models:/")
    name, _, alias = text.partition("@")
    return find_name(name, places), alias or None


def _last_sweep(places: ProjectPaths) -> str:
    last = SweepFolder.last_started(places.mlruns)
    if last is None:
        raise UserError(
            "no sweep was run here yet: name a run or a folder with --model, or run a sweep first"
        )
    return last.name


def _without_registry(
    name: str, alias: str | None, places: ProjectPaths, uri: str | None
) -> "models.TextModel":
    """Load what no registered model is called: a run."""
    from rnnsweep.tracking import find_run

    if known := aliases(places.mlruns, name, uri=uri or store_of(name, places)):
        raise no_such_alias(name, alias or "champion", known)
    if SweepFolder.of(places.mlruns, name).path.is_dir():
        again = SweepFolder.of(places.mlruns, name).command("sweep")
        sweeps = [one.name for one in SweepFolder.every(places.mlruns)]
        ready = [one for one in sweeps if aliases(places.mlruns, one, uri=uri or store_of(one, places))]
        others = f"; these have models for --model: {', '.join(ready[:5])}" if ready else ""
        raise UserError(f"sweep {name!r} has no models yet; they are logged at the end of: {again}{others}")
    try:
        row = find_run(places.mlruns, name, uri=uri)
    except UserError as error:
        sweeps = [one.name for one in SweepFolder.every(places.mlruns)]
        hint = nearest(name, sweeps)
        raise UserError(f"--model {name}: no sweep, no folder, and {error}.{hint}") from None
    return _of_run(row, places.mlruns)[0]


def predict(
    texts: str | Sequence[str], *, model: str | Path | None = None, uri: str | None = None
) -> "list[models.Answer]":
    """Predict the labels or numbers of texts, as ``rnnsweep predict`` does; `model` as in `load_model`.

    For many calls, load the model once: ``rnnsweep.load_model().predict(texts)``.
    """
    return load_model(model, uri=uri).predict(texts)


def export_model(
    to: str | Path, *, model: str | Path | None = None, uri: str | None = None, overwrite: bool = False
) -> Path:
    """Write a model as an ONNX file that takes token ids of any length, checked against the original.

    Args:
        to: a path that ends in ``.onnx``.
        model: as in `load_model`.
        overwrite: write over a file that is there.
        uri: as in `load_model`.

    Returns:
        The file.

    Raises:
        UserError: the extra ``onnx`` is missing, the model cannot be one, or the file does not agree.
    """
    path = Path(to)
    if path.suffix != ".onnx":
        raise UserError(f"{path}: must end in .onnx")
    if path.exists() and not overwrite:
        raise UserError(f"{path}: is there already; give another name, or --overwrite")
    return models.export_onnx(load_model(model, uri=uri), path)
