"""The head of a Ray cluster on which tests run programs of their own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import agent_programs
import pytest
from benchmarks._ray_cluster import ENVIRONMENT, Cluster

ROOT = Path(__file__).parents[1]


@contextmanager
def ray_head(folder: Path, **variables: str) -> Iterator[Cluster]:
    """Yield a head without nodes; the nodes that join it can import `agent_programs`."""
    agent_programs.install(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        for name, value in {**ENVIRONMENT, **variables}.items():
            patch.setenv(name, value)
        for name in [name for name in os.environ if "proxy" in name.lower()]:
            patch.delenv(name)
        cluster = Cluster(folder, Path(__file__).parent, ROOT, ROOT / "src")
        try:
            yield cluster
        finally:
            cluster.close()
