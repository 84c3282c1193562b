"""Serve the viewer, and what stands around it, from threads of the test."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI

from evalboard.settings import Settings
from leaderboard_app.addresses import Proxies
from leaderboard_app.app import create_app
from leaderboard_app.connections import Connections, LimitedServer

PATIENCE_SECONDS = 300.0


class _Server(LimitedServer):
    """A server that says when it answers."""

    def __init__(self, app: Any, connections: Connections) -> None:
        super().__init__(app, connections)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def build_app(settings: Settings) -> FastAPI:
    """Build the viewer in a running event loop: outside of one, Gradio makes several and leaks them.

    In a thread of its own: a browser holds the event loop of the main one.
    """

    async def build() -> FastAPI:
        return create_app(settings)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, build()).result()


@contextmanager
def serving(app: Any, connections: Connections | None = None) -> Iterator[str]:
    """Serve an ASGI application from a thread and give its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    limits = Connections(200, 200, Proxies([])) if connections is None else connections
    server = _Server(app, limits)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert server.ready.wait(timeout=PATIENCE_SECONDS)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=PATIENCE_SECONDS)
