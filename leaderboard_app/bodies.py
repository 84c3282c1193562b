"""The bodies of requests: small, quick, and strict JSON."""

import asyncio
import json
import math
from http import HTTPStatus
from typing import Any, NoReturn

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from leaderboard_app.language import mark

MAX_BYTES = 64 * 1024
"""The largest body that a page sends has less than 3 KiB."""
MAX_SECONDS = 10.0
"""For the whole body, however it comes."""

TOO_LARGE = mark("The request is too large. Shorten its texts.")
TOO_SLOW = mark("The request did not arrive in time. Try again.")
ENCODED = mark("The request is compressed. Send it without Content-Encoding.")
NOT_JSON = mark("The request is not JSON. Send a JSON document as application/json.")


class BadBody(Exception):
    """Raised when a body is not accepted."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


async def read_body(receive: Receive, headers: Headers) -> bytes | None:
    """Return a request's body, None if the connection was closed before its end.

    Raises:
        BadBody: It is too large, too slow, or compressed.
    """
    if headers.get("content-encoding", "identity") != "identity":
        raise BadBody(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, ENCODED)
    length = headers.get("content-length", "")
    if length and not (length.isdecimal() and len(length) < 12 and int(length) <= MAX_BYTES):
        raise BadBody(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)
    try:
        async with asyncio.timeout(MAX_SECONDS):
            return await _read_all(receive)
    except TimeoutError:
        raise BadBody(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW) from None


def read_json(body: bytes, headers: Headers) -> Any:
    """Return the document of a body.

    JSON has no NaN and no infinite numbers, and its texts are Unicode: a lone surrogate is none.

    Raises:
        BadBody: The body is anything else.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BadBody(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, NOT_JSON)
    try:
        text = body.decode("utf-8")
        document = json.loads(text, parse_constant=_refuse, parse_float=_parse_float)
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise BadBody(HTTPStatus.BAD_REQUEST, NOT_JSON) from None
    return document


async def _read_all(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BYTES:
            raise BadBody(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)
        if not message.get("more_body", False):
            return bytes(body)


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
