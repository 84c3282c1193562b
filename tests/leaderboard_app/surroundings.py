"""What a viewer may stand behind or within: a proxy that takes a prefix off, a page with a frame."""

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
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": message["type"] + ".complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        await _answer(send, 200, document)

    return show


async def _answer(send: Any, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/html; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
