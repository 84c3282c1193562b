"""The folder `static/` for browsers."""

import os
from http import HTTPStatus

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class _BrowserFiles(StaticFiles):
    """Browsers keep the files but revalidate them each time, so an upgrade takes effect at once."""

    def get_path(self, scope: Scope) -> str:
        """Return the path in the folder, without the path prefix of a proxy."""
        return os.path.normpath(scope["path_params"]["path"])

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or 304 if the request names its ETag."""
        response = await super().get_response(path, scope)
        if path.endswith(".js") and response.status_code == HTTPStatus.OK:
            # The platform's table of types may say anything, and Gradio changes it.
            response.headers["Content-Type"] = "text/javascript; charset=utf-8"
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def static_route(address: str, folder: os.PathLike[str]) -> Route:
    """Return the route to a folder's files below an address."""
    return Route(f"{address}/{{path:path}}", GZipMiddleware(_BrowserFiles(directory=folder)))
