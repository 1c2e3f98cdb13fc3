"""Models in MLflow: logged on their runs, registered under the sweep's name, found again by alias."""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from rnnsweep.errors import UserError, nearest
from rnnsweep.sweepfile.model import BASELINE
from rnnsweep.tracking.store import tables
from rnnsweep.tracking.store.address import LOCAL, destination
from rnnsweep.tracking.store.opened import open_for_reading
from rnnsweep.tracking.store.places import resolved, why_refused
from rnnsweep.tracking.store.store import (
    artifact_path,
    database,
    ensure_store,
    open_client,
    refuse_old_layout,
)
from rnnsweep.tracking.tags import Tag

if TYPE_CHECKING:
    from mlflow.models import Model
    from mlflow.tracking import MlflowClient

CHAMPION = "champion"


@dataclass(frozen=True)
class ModelEntry:
    """One model to register."""

    folder: Path  # as `models.write_model` leaves it
    architecture: str
    run_id: str
    run_key: str
    experiment_id: str
    name: str  # what people read in the list of logged models
    card: str  # Markdown
    champion: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Registered:
    """Where a model went."""

    architecture: str
    version: str
    champion: bool


def alias_of(architecture: str) -> str:
    """Return the alias of an architecture: its name, in the letters that MLflow allows."""
    plain = re.sub(r"[^\w\-]", "-", architecture, flags=re.ASCII)
    reserved = re.fullmatch(r"[vV]\d+|latest|champion", plain)
    return f"{plain}-model" if reserved else plain


def register_models(
    mlruns: Path,
    entries: Sequence[ModelEntry],
    *,
    name: str,
    code: Path,
    description: str = "",
    uri: str | None = None,
) -> list[Registered]:
    """Log each model on its run and register it as a version of `name`, with its architecture as alias.

    A version that exists of the same run is kept. Nothing global of MLflow is changed.

    Args:
        code: the file that MLflow runs to load the model (models from code).
        description: of the registered model, Markdown.
        mlruns: the folder of results.
        entries: a model for each architecture.
        name: of the registered model.
        uri: of the store; None is the local one.

    Returns:
        What was registered, an entry each.

    Raises:
        MlflowException: the store does not answer.
    """
    target = destination(uri)
    client = open_client(mlruns, target)
    _ensure_registered(client, name, description)
    known = {v.tags.get(Tag.KEY): v.version for v in client.search_model_versions(f"name='{name}'")}
    done = []
    for entry in entries:
        version = known.get(entry.run_key) or _log(mlruns, target, client, name, entry, code)
        client.set_registered_model_alias(name, alias_of(entry.architecture), version)
        if entry.champion:
            client.set_registered_model_alias(name, CHAMPION, version)
        done.append(Registered(entry.architecture, str(version), entry.champion))
    return done


def _ensure_registered(client: "MlflowClient", name: str, description: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    client.update_registered_model(name, description=description)


def _log(mlruns: Path, target: str, client: "MlflowClient", name: str, entry: ModelEntry, code: Path) -> str:
    from mlflow.entities import LoggedModelOutput

    logged: Any = client.create_logged_model(
        experiment_id=entry.experiment_id,
        name=entry.name,
        source_run_id=entry.run_id,
        tags=dict(entry.tags),
        params={"architecture": entry.architecture},
        model_type="text classifier",
    )
    if reason := why_refused(mlruns, target, logged.artifact_location):
        raise UserError(f"models would go to {logged.artifact_location}, {reason}: change that in the store")
    with tempfile.TemporaryDirectory(prefix="rnnsweep-model-") as place:
        folder = _wrap(Path(place) / "wrapped", entry, code, model_id=logged.model_id)
        client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(entry.run_id, [LoggedModelOutput(logged.model_id, step=0)])
    made = client.create_model_version(
        name,
        _source(client, logged),
        entry.run_id,
        tags={Tag.KEY: entry.run_key, **entry.tags},
        description=entry.card,
        model_id=logged.model_id,
    )
    return str(made.version)


def _source(client: "MlflowClient", logged: Any) -> str:
    """Return where the version lies: a server knows its models by id, a database only in a global store."""
    by_server = client.tracking_uri.startswith(("http://", "https://", "databricks"))
    return f"models:/{logged.model_id}" if by_server else str(logged.artifact_location)


def _wrap(folder: Path, entry: ModelEntry, code: Path, *, model_id: str) -> Path:
    """Put MLflow's files around a model's folder: a pyfunc model from code."""
    from mlflow import pyfunc
    from mlflow.models import Model

    described = Model(run_id=entry.run_id, model_id=model_id, model_uuid=model_id)
    pyfunc.save_model(
        path=str(folder),
        python_model=str(code),
        artifacts={"model": str(entry.folder)},
        pip_requirements=_requirements(),
        mlflow_model=described,
    )
    _forget_paths(described, folder, code)
    return folder


def _forget_paths(described: "Model", folder: Path, code: Path) -> None:
    """Name the code by its name alone; MLflow writes the path that it had on this machine."""
    for flavor in described.flavors.values():
        if "model_code_path" in flavor:
            flavor["model_code_path"] = code.name
        for artifact in flavor.get("artifacts", {}).values():
            artifact["uri"] = artifact["path"]
    described.save(str(folder / "MLmodel"))


def _requirements() -> list[str]:
    from importlib.metadata import version

    return [
        f"{name}=={version(name).partition('+')[0]}"
        for name in ("rnnsweep", "mlflow", "torch", "safetensors")
    ]


@contextmanager
def found_model(
    mlruns: Path, name: str, alias: str = CHAMPION, *, uri: str | None = None
) -> Iterator[Path | None]:
    """Yield the folder of a registered model while inside; None where there is no such model.

    The local store is read without importing MLflow; from a server the folder is fetched.

    Args:
        mlruns: the folder of results.
        name: of the registered model.
        alias: of its version.
        uri: of the store; None is the local one.
    """
    target = destination(uri)
    if target == LOCAL:
        refuse_old_layout(mlruns)
        yield _local_folder(mlruns, name, alias) if database(mlruns).exists() else None
        return
    with tempfile.TemporaryDirectory(prefix="rnnsweep-model-") as place:
        yield _fetch(mlruns, target, name, alias, Path(place))


def _local_folder(mlruns: Path, name: str, alias: str) -> Path | None:
    address = ensure_store(mlruns).removeprefix("sqlite:///")  # mends the paths of a folder that was moved
    with closing(open_for_reading(Path(address))) as connection:
        row = connection.execute(tables.MODEL_OF_ALIAS, (name, alias)).fetchone()
    location = next((place for place in row or () if place and not place.startswith("models:")), None)
    if location is None:
        return None
    parts = urlsplit(location)
    if parts.scheme not in ("", "file"):
        raise UserError(f"model {name}@{alias}: it is at {location}; give that store with tracking.uri")
    return Path(unquote(parts.path))


def _fetch(mlruns: Path, target: str, name: str, alias: str, place: Path) -> Path | None:
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    client = open_client(mlruns, target)
    try:
        version = client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    source = _source_of(mlruns, target, client, version.source or "", f"model {name}@{alias}")
    return Path(download_artifacts(source, dst_path=str(place), tracking_uri=target))


def _source_of(mlruns: Path, target: str, client: "MlflowClient", source: str, model: str) -> str:
    """Return where the files of a version lie, which is asked for once: a second answer may be another.

    Raises:
        UserError: at a place that is none of the store's: a file of this machine, a page, another server.
    """
    try:
        place = resolved(client, source)
        reason = why_refused(mlruns, target, place, fetched=True)
    except ValueError as error:
        place, reason = source, str(error)
    if reason and not (place and artifact_path(mlruns, place)):
        raise UserError(
            f"{model}: its store names {place[:200]!r} ({reason}); no model is fetched from there"
        )
    return place


def aliases(mlruns: Path, name: str, *, uri: str | None = None) -> dict[str, str]:
    """Return the aliases of a registered model with their versions; none where there is no such model."""
    target = destination(uri)
    if target != LOCAL:
        from mlflow.exceptions import MlflowException

        try:
            by_alias = open_client(mlruns, target).get_registered_model(name).aliases
        except MlflowException:
            return {}
        return {str(alias): str(version) for alias, version in by_alias.items()}
    if not database(mlruns).exists():
        return {}
    with closing(open_for_reading(database(mlruns))) as connection:
        return {alias: str(version) for alias, version in connection.execute(tables.ALIASES, (name,))}


def no_such_alias(name: str, alias: str, known: Mapping[str, str]) -> UserError:
    """Make the error for an alias that a registered model has not."""
    has = f"{name} has {', '.join(sorted(known))}"
    if alias == BASELINE:
        return UserError(
            f"model {name}@{alias}: only the scores of the baseline are kept, no model;"
            f" docs/serving.md has a program that fits one on the rows of this sweep. {has}"
        )
    return UserError(f"model {name}@{alias}: {has}.{nearest(alias, known)}")
