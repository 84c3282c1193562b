"""HTTP answers that are made once, sent compressed, and not sent again to who has them."""

import gzip
import hashlib
import json
import mimetypes
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import Request, Response


class Answer(NamedTuple):
    """A body ready to be sent."""

    compressed: bytes
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
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(self.compressed, media_type=self.media_type, headers=headers)
        body = gzip.decompress(self.compressed)
        return Response(body, media_type=self.media_type, headers=headers)


def make_answer(body: bytes, media_type: str) -> Answer:
    """Compress a body. The ETag is weak: it names the content, not its compressed bytes."""
    digest = hashlib.sha256(body).hexdigest()[:32]
    return Answer(gzip.compress(body, compresslevel=6, mtime=0), f'W/"{digest}"', media_type)


def json_answer(document: Any) -> Answer:
    """Make an answer of a document. NaN is not JSON and raises `ValueError`."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return make_answer(text.encode(), "application/json")


def folder_answers(folder: Path) -> dict[str, Answer]:
    """Make an answer of every file in a folder, by file name."""
    return {
        path.name: make_answer(path.read_bytes(), _media_type(path))
        for path in sorted(folder.iterdir())
        if path.is_file()
    }


def _media_type(path: Path) -> str:
    # The platform's table may say anything for .js, and browsers refuse modules of a wrong type.
    if path.suffix == ".js":
        return "text/javascript"
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"
