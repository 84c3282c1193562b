"""The part of Gradio's server that the pages use. The rest of it is closed.

Gradio has some seventy addresses: for uploads, files, streams, a queue, a proxy and more. The pages
call functions at one address, without the queue, and load scripts, styles and the theme.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import gradio as gr
from pydantic import BaseModel, ConfigDict, Field, ValidationError

CALLS = "/gradio_api/run/"
MAX_SESSIONS = 200
"""Pages whose state Gradio keeps; it is some kilobytes each, and a page that lost it works on."""
QUEUE_SECONDS = 60.0
"""Interval at which Gradio looks into its queue, which stays empty."""

_FILES = ("/assets/", "/static/", "/svelte/")
_SINGLE = frozenset({"/favicon.ico", "/manifest.json", "/robots.txt", "/theme.css"})
_FOR_CLIENTS = frozenset({"/config", "/gradio_api/info", "/gradio_api/queue/data"})
"""What a client of Gradio reads: the endpoints, and the results of its calls (`gradio_api.py`)."""
_LOGIN = frozenset({"/login/huggingface", "/login/callback", "/logout"})
_MAX_CHARACTERS = 200


class _Call(BaseModel):
    """What a page sends to call a function."""

    model_config = ConfigDict(extra="ignore", strict=True)

    data: list[str | None] = Field(max_length=8)
    fn_index: int
    session_hash: str | None = Field(None, max_length=64)
    trigger_id: int | None = None
    event_data: None = None


class GradioCalls(NamedTuple):
    """The pages and functions of Gradio that are open."""

    pages: frozenset[str]
    """Paths, as `/queue`."""
    inputs: Mapping[int, int]
    """Number of inputs by a function's number."""
    login: bool
    """Whether people log in."""

    def is_open(self, path: str) -> bool:
        """Return whether a path may be read."""
        if path in self.pages or path in _SINGLE | _FOR_CLIENTS or path.startswith(_FILES):
            return True
        return self.login and path in _LOGIN

    def is_call(self, path: str, document: Any) -> bool:
        """Return whether a document calls a function of the pages as a page does."""
        try:
            call = _Call.model_validate(document)
        except ValidationError:
            return False
        texts = [text for text in call.data if text is not None]
        fits = self.inputs.get(call.fn_index) == len(call.data)
        return fits and all(len(text) <= _MAX_CHARACTERS for text in texts)


def open_calls(blocks: gr.Blocks, *, login: bool) -> GradioCalls:
    """Take Gradio's functions out of its queue, and return what is open.

    The queue keeps every result until its page fetches it, which nobody has to do.
    """
    for function in blocks.fns.values():
        function.queue = False
    blocks.state_session_capacity = MAX_SESSIONS
    # Gradio looks a thousand times a second into its queue, which is empty: 4 % of a core.
    blocks._queue.sleep_when_free = QUEUE_SECONDS
    blocks._queue.progress_update_sleep_when_free = QUEUE_SECONDS
    pages = frozenset(f"/{page[0]}" for page in blocks.pages)
    inputs = {number: len(function.inputs) for number, function in blocks.fns.items()}
    return GradioCalls(pages, inputs, login)
