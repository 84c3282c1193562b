"""What a viewer may stand behind or within, and what may stand in its place."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from html import escape
from typing import Any

Message = dict[str, Any]
Application = Callable[..., Awaitable[None]]


def behind_prefix(app: Application, prefix: str) -> Application:
    """Return an application as a proxy shows it: under a prefix of which the app is not told."""

    async def proxy(scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        if not scope["path"].startswith(prefix + "/"):
            await _answer(send, 404, "not under the prefix")
            return
        path = scope["path"].removeprefix(prefix)
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    return proxy


def page_with_frame(address: str) -> Application:
    """Return an application whose one page shows another address in a frame."""
    frame = f'<iframe src="{escape(address)}" style="width: 100%; height: 90vh"></iframe>'
    icon = '<link rel="icon" href="data:,">'
    document = f"<!doctype html><html lang=en><title>around</title>{icon}{frame}"

    async def show(scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        await _answer(send, 200, document)

    return show


def answering(body: bytes = b"ok", wait: threading.Event | None = None) -> Application:
    """Return an application with one answer, which waits on the path `/slow`."""

    async def app(scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        while wait is not None and scope["path"] == "/slow" and not wait.is_set():
            await asyncio.sleep(0.01)
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for at in range(0, len(body), 65536):
            piece = body[at : at + 65536]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


async def swallow(scope: Message, receive: Any, send: Any) -> None:
    """Read requests to their end, and answer them."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    while (await receive()).get("more_body"):
        pass
    await _answer(send, 200, "swallowed")


async def _live(receive: Any, send: Any) -> None:
    """Answer the messages that a server sends when it starts and ends."""
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": message["type"] + ".complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _answer(send: Any, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/html; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
