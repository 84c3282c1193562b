"""HTTP answers that are made once, sent compressed, and not sent again to who has them."""

import gzip
import hashlib
import json
import mimetypes
from pathlib import Path
from typing import Any, NamedTuple

import brotli
from fastapi import Request, Response

# The best but one: a board of 10,000 models takes a second, once; the best takes twelve.
BROTLI_QUALITY = 9


class Answer(NamedTuple):
    """A body ready to be sent."""

    zipped: bytes
    """As gzip."""
    brotli: bytes
    etag: str
    media_type: str

    def respond(self, request: Request) -> Response:
        """Return the body, or 304 when the request names its ETag."""
        headers = {
            "ETag": self.etag,
            "Cache-Control": "no-cache",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
        if self.etag in known:
            return Response(status_code=304, headers=headers)
        accepted = _accepted(request.headers.get("accept-encoding", ""))
        for name, body in (("br", self.brotli), ("gzip", self.zipped)):
            if name in accepted:
                headers["Content-Encoding"] = name
                return Response(body, media_type=self.media_type, headers=headers)
        body = gzip.decompress(self.zipped)
        return Response(body, media_type=self.media_type, headers=headers)


def make_answer(body: bytes, media_type: str) -> Answer:
    """Compress a body. The ETag is weak: it names the content, not its compressed bytes."""
    digest = hashlib.sha256(body).hexdigest()[:32]
    return Answer(
        gzip.compress(body, compresslevel=6, mtime=0),
        brotli.compress(body, quality=BROTLI_QUALITY),
        f'W/"{digest}"',
        media_type,
    )


def json_answer(document: Any) -> Answer:
    """Make an answer of a document. NaN is not JSON and raises `ValueError`."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return make_answer(text.encode(), "application/json")


def folder_answers(folder: Path) -> dict[str, Answer]:
    """Make an answer of every file in a folder, by its path in the folder."""
    return {
        path.relative_to(folder).as_posix(): make_answer(path.read_bytes(), _media_type(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _accepted(header: str) -> set[str]:
    """Return the encodings that an `Accept-Encoding` names; one with `q=0` is refused."""
    parts = [part.replace(" ", "").partition(";") for part in header.split(",")]
    return {name for name, _, quality in parts if quality not in ("q=0", "q=0.0")}


def _media_type(path: Path) -> str:
    # The platform's table may say anything for .js, and browsers refuse modules of a wrong type.
    if path.suffix == ".js":
        return "text/javascript"
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"
