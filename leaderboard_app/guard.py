"""What stands before every address: who asks, what may be asked, how much, how many at once."""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from typing import NamedTuple

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evalboard.wording import plain
from leaderboard_app.addresses import Proxies
from leaderboard_app.bodies import BadBody, read_body, read_json
from leaderboard_app.gradio_api import JOIN, READ
from leaderboard_app.gradio_calls import CALLS, GradioCalls
from leaderboard_app.language import language_of, mark, t
from leaderboard_app.pages import render
from leaderboard_app.places import NoPlace, Places

logger = logging.getLogger(__name__)

NO_PREFIX = "/."
"""Gradio's root where there is no prefix: every browser reads it as `/`, and Gradio drops that."""
READER = "evalboard.reader"
"""Key of the scope: whom the request is counted for, None for a trusted proxy itself."""
USER = "evalboard.user"
"""Key of the scope: name of the user that a trusted proxy has logged in, empty for nobody."""
LONGEST_USER = 100

HEAVY_AT_ONCE = 4
"""Answers that take long to compute, or wait for a store. The other threads stay free for the
board."""
HEAVY_WAITING = 100
HEAVY_EACH = 20
PAGES_WAITING = 200
ANSWERS_AT_ONCE = 1000

TOO_MANY = mark("Too many requests at the same time. Try again in a few seconds.")
OTHER_NAME = mark("This board has another name. Correct the address.")
CLOSED = mark("There is nothing at this address.")
NOT_HERE = mark("This address does not accept this method.")
NO_CALL = mark("The request is not one that a page of this board sends.")
BROKEN = mark("The request failed because of an error of the board. The viewer's log contains it.")

_READING = frozenset({"GET", "HEAD"})
_FORWARDED = (b"x-forwarded-", b"forwarded")
_POSTED = ("/api/check", "/api/submissions")
_OF_EACH_BOARD = ("/data/", "/badge/", "/picture.png")
_OURS = (*_OF_EACH_BOARD, "/api/", "/ui/", "/health", "/metrics", "/openapi.json")
_HEAVY = (
    "/api/limits",
    "/api/names",
    "/data/apart.",
    "/data/board.atom",
    "/data/board.csv",
    "/data/board.parquet",
    "/data/compare.",
    "/data/model.",
    "/data/provenance.",
    "/data/questions.",
    "/data/queue.atom",
    "/data/ranks.",
    "/picture.png",
    CALLS,
    READ,
)
# Gradio would build addresses from the request's Host. With this header, which its own front
# server sends, they are relative.
_RELATIVE = (b"x-gradio-server", NO_PREFIX.encode())


class GuardRules(NamedTuple):
    """What the guard knows."""

    calls: Mapping[str, GradioCalls]
    """What is open of each board, by the path of its pages: `/boards/name`, empty for the first."""
    proxies: Proxies
    hosts: Collection[str]
    """Names of the board in lower case; empty for any."""
    each: int
    """Limit of simultaneous requests of one reader."""
    prefix: str
    """Path prefix that a proxy may have left on requests."""
    user_header: bytes = b""
    """Name in lower case of the header in which a trusted proxy names the user; empty for none."""


class _Place(NamedTuple):
    """Where a request goes."""

    board: str
    """Path of the board's pages."""
    path: str
    """Below it."""
    calls: GradioCalls

    @property
    def is_call(self) -> bool:
        """Whether a page's function is called."""
        return self.path.startswith(CALLS)

    @property
    def is_posted(self) -> bool:
        """Whether something is sent to this address."""
        is_form = not self.board and self.path in _POSTED
        return self.is_call or is_form or self.path == JOIN

    @property
    def is_read(self) -> bool:
        """Whether this address may be read."""
        ours = _OF_EACH_BOARD if self.board else _OURS
        is_unended = bool(self.board) and not self.path  # it leads to the address with a slash
        return is_unended or self.path.startswith(ours) or self.calls.is_open(self.path)


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


class Guard:
    """ASGI middleware in front of the viewer's and Gradio's addresses."""

    def __init__(self, app: ASGIApp, rules: GuardRules) -> None:
        self._app = app
        self._rules = rules
        self._answers = Places(ANSWERS_AT_ONCE, 0, rules.each)
        self._heavy = Places(HEAVY_AT_ONCE, HEAVY_WAITING, HEAVY_EACH)
        self._pages = Places(HEAVY_AT_ONCE, PAGES_WAITING, HEAVY_EACH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it before anything is done for it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = _Sent(send)
        reader = self._rules.proxies.reader_of(scope)
        # Mounted applications find their part of the path only if the prefix is a part of it.
        path = self._rules.prefix + scope["path"].removeprefix(self._rules.prefix)
        known = {READER: reader, USER: self._user(scope)}
        told = {**scope, **known, "path": path, "headers": self._clean(scope)}
        try:
            self._check_address(told)
            async with self._answers.place(reader):
                await self._serve(told, receive, sent)
        except _Refused as exc:
            await self._refuse(told, exc, sent)
        except BadBody as exc:
            await self._refuse(told, _Refused(exc.status, exc.message), sent)
        except NoPlace:
            many = _Refused(HTTPStatus.SERVICE_UNAVAILABLE, TOO_MANY, **{"Retry-After": "5"})
            await self._refuse(told, many, sent)
        except Exception:
            if sent.started:
                raise
            logger.exception("A request failed: %s", ascii(told["path"])[:200])
            await self._refuse(told, _Refused(HTTPStatus.INTERNAL_SERVER_ERROR, BROKEN), sent)

    async def _serve(self, scope: Scope, receive: Receive, send: "_Sent") -> None:
        headers = Headers(scope=scope)
        where = self._place(scope)
        body = await read_body(receive, headers)
        if body is None:
            return
        if scope["method"] == "POST":
            document = read_json(body, headers)
            if where.is_call and not where.calls.is_call(where.path, document):
                raise _Refused(HTTPStatus.UNPROCESSABLE_ENTITY, NO_CALL)
        ready = _replay(body, receive)
        places = self._heavy if where.path.startswith(_HEAVY) else None
        if where.path in where.calls.pages:
            places = self._pages
        if places is None:
            await self._app(scope, ready, send)
            return
        async with places.place(scope[READER]) as release:
            # A reader who takes an answer slowly holds nobody up.
            send.when_started = release
            await self._app(scope, ready, send)

    def _check_address(self, scope: Scope) -> None:
        host = Headers(scope=scope).get("host", "").lower()
        if self._rules.hosts and not {host, _without_port(host)} & {*self._rules.hosts}:
            raise _Refused(HTTPStatus.MISDIRECTED_REQUEST, OTHER_NAME)
        where, method = self._place(scope), scope["method"]
        if not where.is_posted and not where.is_read:
            raise _Refused(HTTPStatus.NOT_FOUND, CLOSED)
        if method != "POST" if where.is_posted else method not in _READING:
            allowed = "POST" if where.is_posted else "GET, HEAD"
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, NOT_HERE, Allow=allowed)

    def _place(self, scope: Scope) -> _Place:
        path: str = scope["path"].removeprefix(self._rules.prefix)
        for board, calls in self._rules.calls.items():
            if board and (path == board or path.startswith(f"{board}/")):
                return _Place(board, path.removeprefix(board), calls)
        return _Place("", path, self._rules.calls[""])

    def _clean(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return the headers without those in which only a trusted proxy is believed.

        Gradio and Starlette read the scheme from them, and nothing else after this.
        """
        trusted = self._is_by_proxy(scope)
        kept = [
            (name, value)
            for name, value in scope["headers"]
            if name != _RELATIVE[0]
            and (not name.startswith(_FORWARDED) or (trusted and name == b"x-forwarded-proto"))
        ]
        return [*kept, _RELATIVE]

    def _user(self, scope: Scope) -> str:
        """Return the user that a trusted proxy names. Two names are none: one is not the proxy's."""
        wanted = self._rules.user_header
        if not wanted or not self._is_by_proxy(scope):
            return ""
        named = [value for name, value in scope["headers"] if name == wanted]
        return plain(named[0].decode("utf-8", "replace"), LONGEST_USER) if len(named) == 1 else ""

    def _is_by_proxy(self, scope: Scope) -> bool:
        client: tuple[str, int] | None = scope.get("client")
        return client is not None and client[0] in self._rules.proxies

    async def _refuse(self, scope: Scope, refused: _Refused, send: Send) -> None:
        """Send the reason. The connection is closed: what the sender still sends is not read."""
        request = Request(scope)
        language = language_of(request)
        text = t(refused.message, language)
        headers = {**refused.headers, "Connection": "close"}
        response: Response = JSONResponse({"error": text}, refused.status, headers)
        if "text/html" in request.headers.get("accept", ""):
            home = f"{self._rules.prefix}/"
            page = render("problem.html", language, status=refused.status, text=text, home=home)
            response = HTMLResponse(page, refused.status, headers)
        if scope["method"] == "HEAD":
            response = Response(None, refused.status, headers)
        await response(scope, _no_more, send)


class _Sent:
    """Sends an answer, and knows whether it has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.when_started: Callable[[], None] | None = None

    async def __call__(self, message: Message) -> None:
        if not self.started and self.when_started:
            self.when_started()
        self.started = True
        await self._send(message)


def _replay(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Return what gives an application a body that has been read."""
    waiting = [body]

    async def replay() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replay


async def _no_more() -> Message:
    return {"type": "http.disconnect"}


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if name and port.isdecimal() else host
