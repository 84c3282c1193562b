"""Three named endpoints for `gradio_client` and agents: the board, a model, a comparison.

A client of Gradio sends a call to a queue and reads its result from a stream. Gradio's own queue keeps
each result until it is read, which nobody has to do. This one keeps the call, for a minute, and computes
its result while the stream is read.
"""

import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from threading import Lock
from typing import Annotated, Any, NamedTuple

import gradio as gr
import pyarrow as pa
from cachetools import TTLCache
from fastapi import APIRouter, HTTPException, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse
from gradio.events import api
from pydantic import BaseModel, ConfigDict, Field, ValidationError, validate_call

from evalboard.errors import EvalboardError
from leaderboard_app.board_rows import clean_rows, names_of
from leaderboard_app.model_data import comparison_document, find_model, model_document
from leaderboard_app.pages import Viewer
from leaderboard_app.questions import MAX_MODELS
from leaderboard_app.references import find_row

JOIN, READ = "/gradio_api/queue/join", "/gradio_api/queue/data"
MOST_ROWS = 1000
MOST_CHARACTERS = 500
CALLS_KEPT, CALLS_EACH, CALL_SECONDS = 1000, 8, 60.0

Endpoint = Callable[..., Any]


class ApiCall(BaseModel):
    """What a client sends to call an endpoint."""

    model_config = ConfigDict(extra="ignore", strict=True)

    data: list[str | int | list[str]] = Field(max_length=CALLS_EACH)
    fn_index: int
    session_hash: str = Field(max_length=64)


class _Waiting(NamedTuple):
    event: str
    call: ApiCall


class NotFound(Exception):
    """Raised when the board does not have what a call names."""


def make_endpoints(viewer: Viewer) -> dict[str, Endpoint]:
    """Return the endpoints by their names."""

    def board(search: str = "", limit: int = 100) -> list[dict[str, Any]]:
        """Return the rows of the board whose model has or had a name with a text in it, best first.

        Args:
            search: Part of the name in any case. Empty: all.
            limit: Most rows, at most 1,000.
        """
        table = viewer.board.current().table
        if "model" not in table.column_names:
            return []
        wanted = search.casefold()
        naming = [key for key in ("model", "former_names") if key in table.column_names]
        rows = map(names_of, table.select(naming).to_pylist())
        fitting = [
            row for row, names in enumerate(rows) if any(wanted in n.casefold() for n in names)
        ]
        shown = fitting[: max(0, min(limit, MOST_ROWS))]
        return clean_rows(table.take(pa.array(shown, pa.int64())))

    def model(name: str) -> dict[str, Any]:
        """Return a model's scores with intervals and subjects, its rank and its properties.

        Args:
            name: `org/name`. The best of its rows counts.
        """
        current = viewer.board.current()
        row = find_model(current, {"id": name[:MOST_CHARACTERS]})
        if current.meta is None or row is None:
            raise NotFound
        return model_document(current, current.meta, row)

    def compare(models: list[str]) -> dict[str, Any]:
        """Return models side by side, with the differences of the others from the first.

        Args:
            models: Two to six names, or short names `org/name@sha8@precision@weights@chat`.
        """
        current = viewer.board.current()
        rows = [find_row(current.table, name[:MOST_CHARACTERS]) for name in models[:MAX_MODELS]]
        known = [row for row in rows if row is not None]
        if current.meta is None or not known or len(known) < len(models):
            raise NotFound
        return comparison_document(current, current.meta, known)

    return {"board": board, "model": model, "compare": compare}


def place_endpoints(endpoints: Mapping[str, Endpoint]) -> None:
    """Place the endpoints into the Blocks of the context, where clients find what they take."""
    for name, endpoint in endpoints.items():
        api(endpoint, api_name=name, queue=False)


def add_api_routes(routes: APIRouter, blocks: gr.Blocks, endpoints: Mapping[str, Endpoint]) -> None:
    """Add the two addresses by which clients call the endpoints."""
    numbered = {
        number: endpoints[str(function.api_name)]
        for number, function in blocks.fns.items()
        if function.api_name in endpoints and function.api_visibility == "public"
    }
    waiting: TTLCache[str, list[_Waiting]] = TTLCache(CALLS_KEPT, CALL_SECONDS)
    lock = Lock()

    @routes.post(JOIN, include_in_schema=False)
    async def join(call: ApiCall) -> JSONResponse:
        if call.fn_index not in numbered:
            raise HTTPException(404, "The board has no such endpoint.")
        event = uuid.uuid4().hex
        with lock:
            others = waiting.get(call.session_hash, [])
            if len(others) >= CALLS_EACH:
                raise HTTPException(503, "Read the results of earlier calls first.")
            waiting[call.session_hash] = [*others, _Waiting(event, call)]
        return JSONResponse({"event_id": event})

    @routes.get(READ, include_in_schema=False)
    async def read(session_hash: Annotated[str, Query(max_length=64)]) -> StreamingResponse:
        async def results() -> AsyncIterator[bytes]:
            while True:
                with lock:
                    calls = waiting.pop(session_hash, [])
                if not calls:
                    break
                for event, call in calls:
                    done = await run_in_threadpool(_call, numbered[call.fn_index], call.data)
                    yield _message({"msg": "process_completed", "event_id": event, **done})
            yield _message({"msg": "close_stream"})

        return StreamingResponse(results(), media_type="text/event-stream")


def _call(endpoint: Endpoint, data: list[Any]) -> dict[str, Any]:
    try:
        result = validate_call(endpoint)(*data)
    except NotFound:
        return _failure("The board has no such model.")
    except ValidationError:
        return _failure("The endpoint takes other values. `view_api()` lists them.")
    except EvalboardError:
        return _failure("The board's data cannot be read right now.")
    return {"success": True, "output": {"data": [result], "is_generating": False}}


def _failure(reason: str) -> dict[str, Any]:
    return {"success": False, "output": {"error": reason}}


def _message(content: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(content, allow_nan=False).encode() + b"\n\n"
