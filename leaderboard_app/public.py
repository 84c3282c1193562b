"""The board's address as readers elsewhere need it: whole, with scheme and name."""

from urllib.parse import urlencode

from fastapi import Request

from leaderboard_app.pages import Viewer

SCHEMES = ("https", "http")


def public_address(viewer: Viewer, request: Request) -> str:
    """Return the address of a board's pages with a slash at its end, empty if it is not known.

    Anybody can write any name into a request, so that of a request counts only if the settings list the
    board's names: the guard refuses all others.
    """
    settings = viewer.settings
    root = settings.viewer_address.rstrip("/")
    if not root and settings.viewer_hosts:
        told = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
        scheme = told if told in SCHEMES else request.url.scheme
        root = f"{scheme}://{request.headers.get('host', '')}{settings.viewer_root_path}"
    return f"{root}/{viewer.folder}" if root else ""


def with_query(path: str, **parts: str) -> str:
    """Return an address with those parts of a query that are not empty."""
    query = urlencode({name: value for name, value in parts.items() if value})
    return f"{path}?{query}" if query else path
