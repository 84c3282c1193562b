"""The check in front of the Prefect server: only programs and the server's own pages get through.

A browser sends every request that any open page asks for, with the reach of the machine on which it
runs. Prefect does not look at the page. It neither compares `Host` with its own names (DNS
rebinding), nor `Origin` with its own pages, nor does it ask for JSON as JSON.
"""

import ipaddress
import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY_VIOLATION = 1008
READING = {"GET", "HEAD", "OPTIONS"}
ANSWER_HEADERS = {
    # No other site may show the pages in a frame and lead clicks to them.
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Security-Policy": "frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
}


class Refusal(NamedTuple):
    """A status of HTTP, and the reason in words."""

    status: int
    reason: str


class Guard:
    """An ASGI app that hands requests to another one if they do not come from another website.

    Args:
        app: The app behind it.
        origins: Addresses such as `https://prefect.example.org` under which browsers and programs
            reach the server, beside IP addresses and `localhost`.
    """

    def __init__(self, app: ASGIApp, origins: Iterable[str] = ()) -> None:
        self._app = app
        self._origins = set(origins)
        self._names = {urlsplit(origin).hostname for origin in self._origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self.refusal(scope.get("method"), Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            await _refuse(send, refusal)

    def refusal(self, method: str | None, headers: Mapping[str, str]) -> Refusal | None:
        """Return why a request is refused, None if it is not.

        Args:
            method: The method of HTTP, None for a WebSocket.
            headers: The request's headers. Their names are in lower case.
        """
        host = headers.get("host", "")
        if not self._is_own_name(host):
            return Refusal(
                403, f"{host!r} is not a name of this server. Add it to EVALBOARD_SERVER_ADDRESSES."
            )
        if not self._is_own_page(method, host, headers):
            return Refusal(403, "This request came from another website.")
        if method not in READING and _has_body(headers) and not _is_json(headers):
            return Refusal(415, "The body must be application/json.")
        return None

    def _is_own_name(self, host: str) -> bool:
        """Return whether no owner of another domain can have made this name lead here."""
        name = _hostname(host)
        if name is None:
            return False
        return name in self._names or name == "localhost" or _is_ip_address(name)

    def _is_own_page(self, method: str | None, host: str, headers: Mapping[str, str]) -> bool:
        origin = headers.get("origin")
        if origin is not None:
            return origin in self._origins or origin.partition("://")[2] == host
        # Browsers send no Origin with links, frames, images and scripts. Programs send neither.
        if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            return True
        return method in READING and headers.get("sec-fetch-mode") == "navigate"


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _has_body(headers: Mapping[str, str]) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _is_json(headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json"


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(ANSWER_HEADERS)
        await send(message)

    return send_with_headers


async def _refuse(send: Send, refusal: Refusal) -> None:
    body = json.dumps({"detail": refusal.reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
