"""A model behind MLflow's scoring server, on this machine alone.

MLflow's own command runs the code that it finds in a model's folder, answers bad requests with stack traces
and lets any page in a browser ask; so its application is made here around a model that `read_model` has read,
behind a check of what a request may look like.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from copy import deepcopy
from dataclasses import asdict
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from rnnsweep.json_text import parse_json
from rnnsweep.models.text_model import TextModel
from rnnsweep.tracking.ui.held_answer import HeldAnswer
from rnnsweep.tracking.ui.hosts import HOST, HOSTS, free_port, is_own

Application = Callable[[Any, Any, Any], Awaitable[None]]
MOST_BYTES = 32 << 20  # of a request
MOST_TEXTS = 10_000  # of a request
BODY_S, ANSWER_S = 30.0, 120.0  # seconds that a request may take to arrive, and to be answered
PATHS = ("/", "/invocations", "/ping", "/health", "/version")  # MLflow's others load scripts from elsewhere
EXAMPLE = '{"inputs": ["a text", "another"]}'
META = {  # what MLflow knows of the model: the body's "inputs" come as they are
    "signature": {"inputs": '[{"type": "string", "required": true}]', "outputs": None, "params": None},
    "is_signature_from_type_hint": True,
    "flavors": {"python_function": {"loader_module": "rnnsweep.models.flavor"}},
}


class Refused(Exception):
    """A request that gets a status and one line instead of an answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Asked:
    """The model in the form that MLflow asks."""

    def __init__(self, model: TextModel) -> None:
        self._model = model

    def predict(self, model_input: list[str], params: Any = None) -> list[dict[str, Any]]:
        """Return one mapping for each text."""
        return [asdict(answer) for answer in self._model.predict(model_input)]


def application(model: TextModel) -> Application:
    """Return MLflow's scoring application on a model, behind the check."""
    from rnnsweep.tracking.store.store import silence_mlflow

    silence_mlflow()
    from mlflow.models import Model
    from mlflow.pyfunc import PyFuncModel, scoring_server

    described = Model.from_dict(deepcopy(META))  # MLflow takes keys out of what it is given
    app = scoring_server.init(PyFuncModel(described, _Asked(model)))
    facts = {"model": model.facts, "labels": list(model.labels), "ask": f"POST /invocations {EXAMPLE}"}
    app.get("/")(lambda: facts)
    return guarded(app)


def guarded(app: Application) -> Application:
    """Let through what the model can answer; refuse the rest with 4xx and one line, never a stack trace."""

    async def checked(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return  # neither websockets nor a lifespan
        try:
            _refuse_stranger(Headers(scope=scope))
            if scope["path"] not in PATHS:
                raise Refused(404, f"no such path; send texts by POST {EXAMPLE} to /invocations")
            if scope["path"] == "/invocations" and scope["method"] == "POST":
                async with _limit(BODY_S, Refused(408, f"the request did not arrive within {BODY_S:g} s")):
                    body = await _whole_body(receive)
                receive = _replay(_checked(body, Headers(scope=scope)))
            answer = HeldAnswer(send)
            async with _limit(ANSWER_S, Refused(503, f"no answer within {ANSWER_S:g} s; send fewer texts")):
                await app(scope, receive, answer.take)
            # MLflow's own refusals carry its stack trace
            await answer.give(_without_trace(answer.body) if answer.status >= 400 else answer.body)
        except Refused as refusal:
            await _refusal(refusal.status, str(refusal))(scope, receive, send)
        except Exception as error:  # ours: the asker can do nothing with it, the log can
            print(f"internal error: {type(error).__name__}: {error}"[:300], flush=True)
            await _refusal(500, "the model could not answer this")(scope, receive, send)

    return checked


@asynccontextmanager
async def _limit(seconds: float, refusal: Refused) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise refusal from None


def _without_trace(body: bytes) -> bytes:
    try:
        answer = parse_json(body)
    except ValueError:
        return body
    if isinstance(answer, dict):
        answer.pop("stack_trace", None)
    return json.dumps(answer).encode()


def _refuse_stranger(headers: Mapping[str, str]) -> None:
    host = headers.get("host", HOST)
    if not is_own(host):
        name = host.partition(":")[0][:60]
        raise Refused(403, f"this model answers as {' or '.join(HOSTS)} only, not as {name!r}")


async def _whole_body(receive: Any) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the request was cut off")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_BYTES:
            raise Refused(413, f"at most {MOST_BYTES >> 20} MB a request")
    return bytes(body)


def _checked(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the body as MLflow takes it, once it is seen to hold texts."""
    kind, _, rest = headers.get("content-type", "").partition(";")
    charset = rest.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != "application/json" or charset not in ("", "utf-8", "utf8"):
        raise Refused(415, "send JSON in UTF-8, with the header Content-Type: application/json")
    try:
        asked = parse_json(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Refused(400, "the body is not UTF-8") from None
    except ValueError:
        raise Refused(400, f"the body is not JSON; send {EXAMPLE}") from None
    return json.dumps({"inputs": _texts(asked)}).encode()


def _texts(asked: Any) -> list[str]:
    if not isinstance(asked, dict) or set(asked) != {"inputs"}:
        keys = f", not {', '.join(map(repr, list(asked)[:5]))[:80]}" if isinstance(asked, dict) else ""
        raise Refused(400, f"the body must be an object with the one key 'inputs'{keys}; send {EXAMPLE}")
    texts = asked["inputs"]
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Refused(
            400, f"'inputs' must be a list of texts, lists of tokens joined by blanks; send {EXAMPLE}"
        )
    if not 1 <= len(texts) <= MOST_TEXTS:
        raise Refused(400, f"'inputs' has {len(texts):,} texts; send 1 to {MOST_TEXTS:,}")
    return texts


def _replay(body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _refusal(status: int, message: str) -> JSONResponse:
    kind = "INTERNAL_ERROR" if status >= 500 else "BAD_REQUEST"
    return JSONResponse({"error_code": kind, "message": message}, status)


def listen(first: int) -> socket.socket:
    """Open a socket on the first free port from `first` on.

    Raises:
        UserError: none is free.
    """
    return socket.create_server((HOST, free_port(first)), backlog=128)


def serve(model: TextModel, *, port: int = 5001, say: Callable[[str], None] = print) -> None:
    """Answer on 127.0.0.1 until Ctrl-C or SIGTERM.

    Args:
        port: the first that is tried; the next free one is taken.
        say: called with the address once it answers, and the end.

    Raises:
        UserError: no port is free.
    """
    import uvicorn

    from rnnsweep.models.connections import MOST, BoundedConnection

    app = application(model)
    with listen(port) as listener:
        address = f"http://{HOST}:{listener.getsockname()[1]}"
        say(f"{model.facts.get('architecture', 'model')} answers at {address}/invocations; Ctrl-C ends it.")
        say(f"curl -H 'Content-Type: application/json' -d '{EXAMPLE}' {address}/invocations")
        config = uvicorn.Config(
            app,
            http=BoundedConnection,
            ws="none",
            lifespan="off",
            log_level="critical",
            timeout_graceful_shutdown=2,
            limit_concurrency=MOST,
        )
        with suppress(KeyboardInterrupt):  # uvicorn passes on what ended it, when all is closed
            uvicorn.Server(config).run(sockets=[listener])
    os.environ.pop("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", None)
    say("The model is no longer served.")
