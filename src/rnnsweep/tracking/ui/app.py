"""MLflow's server on the local store, in one process and without what a laptop does not need.

Run as ``python -m rnnsweep.tracking.ui.app MLRUNS PORT``. MLflow's own command starts four workers, a job
runner and an assistant that runs shell commands for whoever asks on this machine, and has no switch for the
last; so the application is started here, behind a filter that refuses those paths.
"""

import json
import os
import signal
import stat
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any

from rnnsweep.drawing.palette import colours
from rnnsweep.runtime.collector import collect_seldom
from rnnsweep.tracking.read.local import architectures, last_sweep
from rnnsweep.tracking.store.schema import upgrade_if_old
from rnnsweep.tracking.store.store import artifact_root, ensure_store, silence_mlflow
from rnnsweep.tracking.ui.files import warm_up, with_files
from rnnsweep.tracking.ui.held_answer import HeldAnswer
from rnnsweep.tracking.ui.hosts import HOST, Application, with_own_hosts
from rnnsweep.tracking.ui.live import with_own_pages
from rnnsweep.tracking.ui.views import group_id

GRACE = 10.0  # seconds that an orderly end may take
STYLE = '<style>[data-assistant-ui="true"] {display: none !important}</style>'
# MLflow's table writes a metric with 15 digits, and the mean of a group too: cells show five significant
# ones, and all of them as their tooltip
ROUND = """
(() => {
  const round = cell => {
    const walk = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let node; (node = walk.nextNode());) {
      const exact = node.data.trim();
      if (!/^-?\\d*\\.\\d{5,}(e[-+]?\\d+)?$/i.test(exact)) continue;
      const five = String(Number(Number(exact).toPrecision(5)));
      if (five === exact) continue;
      cell.title = exact;
      node.data = node.data.replace(exact, five);
    }
  };
  const all = () => document.querySelectorAll('.ag-cell[col-id*="metrics"]').forEach(round);
  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; all(); });
  }).observe(document, {subtree: true, childList: true, characterData: true});
})();
"""
SETTINGS = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ENABLE_AI_GATEWAY": "false",
    "MLFLOW_ENABLE_REMOTE_ASSISTANT": "false",
    "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    "_MLFLOW_SGI_NAME": "uvicorn",
    "_MLFLOW_IN_JOB_EXECUTOR": "false",
}


def application(mlruns: Path) -> Application:
    """Return MLflow's ASGI application on the store in `mlruns`; its settings go into the environment."""
    uri = ensure_store(mlruns)
    silence_mlflow()
    root = artifact_root(mlruns)
    addresses = {
        "_MLFLOW_SERVER_FILE_STORE": uri,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": root,
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": root,
    }
    os.environ.update(SETTINGS | addresses)
    upgrade_if_old(mlruns)
    from mlflow.server import app as pages
    from mlflow.server.fastapi_app import app
    from mlflow.server.handlers import initialize_backend_stores

    from rnnsweep.tracking.ui.contained import keep_below

    initialize_backend_stores(uri, None, root)
    Thread(target=warm_up, args=(pages, last_sweep(mlruns)), daemon=True).start()
    shown = with_files(with_defaults(app, mlruns), Path(str(pages.static_folder)))
    keep_below(mlruns)
    return with_own_hosts(with_own_pages(shown, mlruns))


def with_defaults(app: Application, mlruns: Path) -> Application:
    """Return the start page with the colours of architectures and a closed assistant."""

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/":
            await app(scope, receive, send)
            return
        page, script = HeldAnswer(send), f"<head>{STYLE}<script>{defaults(mlruns)}{ROUND}</script>".encode()
        await app(scope, receive, page.take)
        # its tag is no longer that of the file
        await page.give(page.body.replace(b"<head>", script, 1), without=(b"etag", b"last-modified"))

    return guarded


def defaults(mlruns: Path) -> str:
    """Return the script: values of the browser's local storage, each only where the user has not set it."""
    shades = {group_id(name): shade for name, shade in colours(architectures(mlruns)).items()}
    once = {
        "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
        "mlflow.workflowType_v1": '"machine_learning"',
    }
    # "<" written as a code keeps a name from ending the script
    values = json.dumps([once, shades]).replace("<", "\\u003c")
    return (
        f"(([once, colours]) => {{ const s = localStorage, c = 'experimentRunColors';"
        "for (const k in once) if (s.getItem(k) === null) s.setItem(k, once[k]);"
        "let old = {}; try { old = JSON.parse(s.getItem(c)) || {} } catch {}"
        f"s.setItem(c, JSON.stringify({{...colours, ...old}})); }})({values});"
    )


def main(arguments: list[str]) -> None:
    """Serve until SIGINT or SIGTERM."""
    collect_seldom()
    mlruns, port = Path(arguments[0]), int(arguments[1])
    app = application(mlruns)
    import uvicorn

    if stat.S_ISFIFO(os.fstat(0).st_mode):
        Thread(target=_end_with_parent, daemon=True).start()
    uvicorn.run(app, host=HOST, port=port, log_level="error", timeout_graceful_shutdown=2)


def _end_with_parent() -> None:
    """Wait until the other end of standard input is closed, by the parent or by its death, and end."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
