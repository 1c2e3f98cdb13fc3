"""Artifacts on disk lie below mlruns/: the UI reads, writes and deletes no other file, whatever a run names.

Whoever reaches the server may make an experiment whose artifacts lie in ``file:///home/me/.ssh``, and a store
that was copied may bring one along. MLflow opens such folders through one registry of artifact stores by
scheme, whose entries for files are replaced here.
"""

import os
from functools import partial
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED
from mlflow.store.artifact.artifact_repository_registry import _artifact_repository_registry
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository


class Contained(LocalArtifactRepository):
    """MLflow's store of artifacts on disk, of which every path is checked when it is used, links followed."""

    def __init__(self, root: Path, artifact_uri: str, **options: Any) -> None:
        super().__init__(artifact_uri, **options)
        self._root = root
        self._refuse_outside(None)

    def _refuse_outside(self, path: str | None) -> None:
        place = Path(os.path.realpath(os.path.join(self._artifact_dir, path or "")))
        if not place.is_relative_to(self._root):
            raise MlflowException(f"artifacts outside of {self._root} are not served", PERMISSION_DENIED)

    def get_local_path(self, artifact_path: str) -> str:
        """Return the path of an artifact."""
        self._refuse_outside(artifact_path)
        return str(super().get_local_path(artifact_path))

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        self._refuse_outside(remote_file_path)
        super()._download_file(remote_file_path, local_path)  # type: ignore[no-untyped-call]

    def list_artifacts(self, path: str | None = None) -> Any:
        """Return the artifacts in a folder."""
        self._refuse_outside(path)
        return super().list_artifacts(path)  # type: ignore[no-untyped-call]

    def _get_or_create_artifact_dir(self, artifact_path: str | None = None) -> str:
        self._refuse_outside(artifact_path)
        return str(super()._get_or_create_artifact_dir(artifact_path))

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Delete an artifact, or all."""
        self._refuse_outside(artifact_path)
        super().delete_artifacts(artifact_path)  # type: ignore[no-untyped-call]


def keep_below(mlruns: Path) -> None:
    """Let this process open artifacts on disk below `mlruns` alone."""
    for scheme in ("", "file"):
        _artifact_repository_registry.register(  # type: ignore[no-untyped-call]
            scheme, partial(Contained, mlruns.resolve())
        )
