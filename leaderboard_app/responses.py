"""HTTP responses that are compressed once for many readers, with ETags."""

import hashlib
import json
import zlib
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

import brotli
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

# Two per cent above the smallest, for a third of its time and memory.
BROTLI_QUALITY = 7
BROTLI_WINDOW_BITS = 20
# zlib's number for its largest window, with the head and tail of gzip.
_GZIP = 31
PIECE_BYTES = 64 * 1024
"""The server keeps so much of an answer for a reader who takes it slowly."""
_MOST_PROBLEMS, _LONGEST_PART, _LONGEST_MESSAGE = 20, 50, 200


class PreparedFile(NamedTuple):
    """A body that is as small as it gets, such as a picture."""

    body: bytes
    etag: str
    media_type: str

    def respond(self, request: Request, name: str = "") -> Response:
        """Return the body, or 304 if the request names its ETag; see `PreparedResponse.respond`."""
        headers = _headers(self.etag, name)
        if _is_known(self.etag, request):
            return Response(status_code=304, headers=headers)
        return _PieceResponse(self.body, 200, headers, self.media_type)


class PreparedResponse(NamedTuple):
    """A prepared body."""

    zipped: bytes
    """As gzip."""
    brotli: bytes
    etag: str
    media_type: str

    def respond(self, request: Request, name: str = "") -> Response:
        """Return the body, or 304 if the request names its ETag.

        Args:
            request: The request.
            name: Of the file as which a browser saves the body. Empty: it shows it.
        """
        headers = _headers(self.etag, name) | {"Vary": "Accept-Encoding"}
        if _is_known(self.etag, request):
            return Response(status_code=304, headers=headers)
        accepted = _accepted(request.headers.get("accept-encoding", ""))
        for name, body in (("br", self.brotli), ("gzip", self.zipped)):
            if name in accepted:
                headers["Content-Encoding"] = name
                return _PieceResponse(body, 200, headers, self.media_type)
        return StreamingResponse(_unzip(self.zipped), 200, headers, self.media_type)


class _PieceResponse(Response):
    """A response that is sent as fast as it is taken."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        for at in range(0, len(self.body), PIECE_BYTES):
            piece = bytes(self.body[at : at + PIECE_BYTES])
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _headers(etag: str, name: str) -> dict[str, str]:
    headers = {"ETag": etag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return headers | ({"Content-Disposition": f'attachment; filename="{name}"'} if name else {})


def _is_known(etag: str, request: Request) -> bool:
    known = request.headers.get("if-none-match", "").split(",")
    return etag in [tag.strip() for tag in known]


async def _unzip(zipped: bytes) -> AsyncIterator[bytes]:
    unzipper = zlib.decompressobj(wbits=_GZIP)
    waiting = zipped
    while not unzipper.eof:
        yield unzipper.decompress(waiting, PIECE_BYTES)
        waiting = unzipper.unconsumed_tail


def prepare(body: bytes, media_type: str) -> PreparedResponse:
    """Compress a body. The ETag is weak: it names the content, not its compressed bytes."""
    return _compress((body,), media_type)


def prepare_file(body: bytes, media_type: str) -> PreparedFile:
    """Prepare a body that is not compressed further."""
    return PreparedFile(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', media_type)


def prepare_parts(parts: Iterable[bytes], media_type: str = "application/json") -> PreparedResponse:
    """Prepare a body from its parts, one at a time."""
    return _compress(parts, media_type)


def prepare_json(document: Any) -> PreparedResponse:
    """Prepare a document. NaN is not JSON and raises `ValueError`."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return prepare(text.encode(), "application/json")


def explain_invalid(_request: Request, exc: Exception) -> Response:
    """Answer what is wrong with a request, without repeating the request."""
    assert isinstance(exc, RequestValidationError)
    problems = [
        {
            "loc": [str(part)[:_LONGEST_PART] for part in problem["loc"]],
            "msg": str(problem["msg"])[:_LONGEST_MESSAGE],
            "type": problem["type"],
        }
        for problem in exc.errors()[:_MOST_PROBLEMS]
    ]
    return JSONResponse({"detail": problems}, status_code=422)


def _compress(parts: Iterable[bytes], media_type: str) -> PreparedResponse:
    digest = hashlib.sha256()
    zipper = zlib.compressobj(level=6, wbits=_GZIP)
    squeezer = brotli.Compressor(quality=BROTLI_QUALITY, lgwin=BROTLI_WINDOW_BITS)
    zipped, squeezed = [], []
    for part in parts:
        digest.update(part)
        zipped.append(zipper.compress(part))
        squeezed.append(squeezer.process(part))
    zipped.append(zipper.flush())
    squeezed.append(squeezer.finish())
    etag = f'W/"{digest.hexdigest()[:32]}"'
    return PreparedResponse(b"".join(zipped), b"".join(squeezed), etag, media_type)


def _accepted(header: str) -> set[str]:
    """Return the encodings in an `Accept-Encoding`, without those with `q=0`."""
    parts = [part.replace(" ", "").partition(";") for part in header.split(",")]
    return {name for name, _, quality in parts if quality not in ("q=0", "q=0.0")}
