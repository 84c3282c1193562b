"""Folders of files for browsers."""

import mimetypes
from functools import lru_cache
from pathlib import Path

from fastapi import HTTPException, Request, Response
from starlette.routing import Route

from leaderboard_app.responses import PreparedResponse, prepare

TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""The platform's table of types may say anything, and Gradio changes it."""
KEPT = 500
"""Files that are kept compressed; those of a page are 700 KB."""


def static_route(address: str, folder: Path) -> Route:
    """Return the route to the files that a folder has now, below an address.

    Browsers keep the files but revalidate them each time, so an upgrade takes effect at once.
    """
    files = {
        path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()
    }

    def answer(request: Request) -> Response:
        # Without the path prefix of a proxy.
        path = files.get(request.path_params["path"])
        if path is None:
            raise HTTPException(404)
        return _compressed(path, path.stat().st_mtime_ns).respond(request)

    return Route(f"{address}/{{path:path}}", answer)


@lru_cache(KEPT)
def _compressed(path: Path, _changed: int) -> PreparedResponse:
    """Return a file as it was at a time, compressed once: for each request it would be half of the work."""
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return prepare(path.read_bytes(), kind or "application/octet-stream")
