"""The UI's own files, given as they lie on disk: MLflow's way costs the processor a second for each page.

Most are named by their content (``main.c2f5f8d4.js``), so that a browser may keep those for good. Only what
lay in MLflow's folder at the start has an address: a path from outside never reaches the disk.
"""

import gc
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.responses import FileResponse

from rnnsweep.tracking.ui.hosts import Application

PREFIX = "/static-files/"
FOR_GOOD = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
_BY_CONTENT = re.compile(r"\.[0-9a-f]{8,}\.")


def with_files(app: Application, folder: Path) -> Application:
    """Answer GET for the files under `folder`; all else goes to `app`."""
    known = {f"{PREFIX}{path.relative_to(folder).as_posix()}": path for path in _files(folder)}

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        reads = scope["type"] == "http" and scope["method"] == "GET"
        path = known.get(scope["path"]) if reads else None
        if path is None:
            await app(scope, receive, send)
            return
        lifetime = FOR_GOOD if _BY_CONTENT.search(path.name) else ASK_AGAIN
        headers = {"cache-control": lifetime, "x-content-type-options": "nosniff"}
        await FileResponse(path, headers=headers)(scope, receive, send)

    return guarded


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def warm_up(flask_app: Any, experiment: str | None) -> None:
    """Ask what a page asks first, so that the first page need not wait for what is loaded once.

    Faults are left to the page that meets them.
    """
    search = {"experiment_ids": [experiment or "0"], "max_results": 1, "order_by": ["metrics.epoch DESC"]}
    with suppress(Exception):
        client = flask_app.test_client()
        client.post("/graphql", json={"operationName": "warm", "query": "query warm { __typename }"})
        client.post("/ajax-api/2.0/mlflow/runs/search", json=search)
        client.get("/ajax-api/2.0/mlflow/experiments/search?max_results=1")
    gc.freeze()  # the collector need not walk over what was imported
