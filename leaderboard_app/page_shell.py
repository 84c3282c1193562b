"""What a page says before Gradio's scripts run: title and link preview, our own scripts, a skeleton, and the best models.

Gradio's page has a preview of its own ("Click to try out the app!") and is white without its scripts. It would load
ours after its own.
"""

import re
from collections.abc import Mapping
from threading import Lock
from typing import Any, NamedTuple

from cachetools import LRUCache, cached
from fastapi import Request, Response
from markupsafe import Markup
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evalboard.errors import EvalboardError
from leaderboard_app.board_data import RankedBoard
from leaderboard_app.board_document import FIRST_ROWS
from leaderboard_app.board_rows import values
from leaderboard_app.language import DEFAULT, LANGUAGES, format_number, language_of, mark, t
from leaderboard_app.model_data import find_model
from leaderboard_app.model_routes import ModelQuery
from leaderboard_app.pages import Viewer, render
from leaderboard_app.public import public_address, with_query

BEST_ROWS = 50
SCRIPTS = ("header", "board", "pages", "queue", "submit", "copy")
STYLES = (
    "frame",
    "board",
    "model",
    "charts",
    "questions",
    "analysis",
    "queue",
    "submit",
    "about",
)
FIRST = "data/first.json"
NO_VIEW = {"lang", "embed", "__theme"}
"""Parts of an address that change neither rows nor their order."""
BOARD = mark("Scores of {models} models on {benchmarks} benchmarks.")
MODEL = mark("Average {average} %, rank {rank} of {models}.")

_GRADIOS_PREVIEW = re.compile(r'\s*<meta\s+(?:property|name)="(?:og|twitter):[^>]*>')
_HEAD_END, _BODY_START = "</head>", "<gradio-app"


class PageShell:
    """ASGI middleware that gives Gradio's pages a shell.

    Args:
        app: The application with the pages.
        pages: Data sources of each page and its title, marked for translation, by its path such as
            `/queue` and `/boards/name/queue`.
        prefix: Path prefix that a proxy may have left on requests.
    """

    def __init__(self, app: ASGIApp, pages: Mapping[str, tuple[Viewer, str]], prefix: str) -> None:
        self._app = app
        self._pages = pages
        self._prefix = prefix
        self._zipped = GZipMiddleware(self._answer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        is_page = scope["type"] == "http" and self._path(scope) in self._pages
        await (self._zipped if is_page else self._app)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = _Kept()
        headers = [(name, v) for name, v in scope["headers"] if name != b"accept-encoding"]
        await self._app({**scope, "headers": headers}, receive, page)
        body = bytes(page.body)
        if page.headers.get("content-type", "").startswith("text/html") and body:
            viewer, title = self._pages[self._path(scope)]
            body = put_shell(body.decode(), viewer, title, Request(scope)).encode()
            page.headers["content-length"] = str(len(body))
        answer = Response(body, page.status)
        answer.raw_headers = page.headers.raw
        await answer(scope, receive, send)

    def _path(self, scope: Scope) -> str:
        path: str = scope["path"]
        return path.removeprefix(self._prefix) if self._prefix else path


class _Kept:
    """An answer that is kept instead of sent."""

    def __init__(self) -> None:
        self.status = 200
        self.headers = MutableHeaders()
        self.body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = MutableHeaders(raw=list(message["headers"]))
        else:
            self.body += message.get("body", b"")


class Preview(NamedTuple):
    """What a link to a page shows."""

    title: str
    description: str
    """Empty if the board cannot be read or is not built."""


def put_shell(page: str, viewer: Viewer, title: str, request: Request) -> str:
    """Return a page of Gradio's with a shell in the language of a request."""
    language = language_of(request)
    name = viewer.suite.title
    board = _built(viewer)
    is_first = title == "Board" and set(request.query_params) <= NO_VIEW
    preview = preview_of(name, title, board, dict(request.query_params), language)
    links = _whole_links(viewer, board, request)
    head = render(
        "shell_head.html",
        language,
        name=name,
        languages=dict(LANGUAGES),
        files=f"{viewer.root}ui",
        scripts=SCRIPTS,
        styles=STYLES,
        first=FIRST if is_first and board and board.table.num_rows > FIRST_ROWS else "",
        **links,
        **preview._asdict(),
    )
    table = best_models(board, language) if board and title == "Board" else Markup()
    body = render(
        "shell_body.html",
        language,
        name=name,
        table=table,
        is_first=is_first and table,
        several=len(viewer.boards) > 1,
    )
    bare = _GRADIOS_PREVIEW.sub("", page)
    return bare.replace(_HEAD_END, head + _HEAD_END, 1).replace(_BODY_START, body + _BODY_START, 1)


def _whole_links(viewer: Viewer, board: RankedBoard | None, request: Request) -> dict[str, str]:
    """Return the addresses of a page and its picture; empty where the board does not know its own."""
    public = public_address(viewer, request)
    if not public:
        return {"url": "", "picture": ""}
    path = request.url.path.removeprefix(viewer.settings.viewer_root_path).removeprefix(
        viewer.prefix
    )
    query = {name: request.query_params.get(name, "") for name in ModelQuery.model_fields}
    is_known = board is not None and (not query["id"] or find_model(board, query) is not None)
    return {
        "url": with_query(public + path.lstrip("/"), **query),
        "picture": with_query(f"{public}picture.png", **query) if is_known else "",
    }


def preview_of(
    name: str, title: str, board: RankedBoard | None, query: dict[str, str], language: str = DEFAULT
) -> Preview:
    """Return the preview of a page.

    Args:
        name: Title of the board.
        title: Title of the page.
        board: The built board, None if there is none.
        query: Of the address. On a model's page it names the model.
        language: Language of the texts.
    """
    named = Preview(name if title == "Board" else f"{t(title, language)} · {name}", "")
    if board is None or board.meta is None:
        return named
    row = find_model(board, query) if title == "Model" else None
    if row is None:
        models = format_number(board.table.num_rows, language=language)
        return named._replace(
            description=t(BOARD, language, models=models, benchmarks=len(board.meta.benchmarks))
        )
    return Preview(f"{row['model']} · {name}", _describe_model(board, row, language))


@cached(LRUCache(4), key=lambda board, language: (board.document.etag, language), lock=Lock())
def best_models(board: RankedBoard, language: str) -> Markup:
    """Return the best rows of a built board as a table, for readers whose scripts have not run or never will."""
    assert board.meta is not None
    benchmarks = [b for b in board.meta.benchmarks if b.key in board.table.column_names]
    rows = board.table.slice(0, BEST_ROWS).to_pylist()
    return Markup(render("best_models.html", language, benchmarks=benchmarks, rows=rows))


def _built(viewer: Viewer) -> RankedBoard | None:
    try:
        board = viewer.board.current()
    except EvalboardError:
        return None
    return board if board.meta is not None else None


def _describe_model(board: RankedBoard, row: Mapping[str, Any], language: str) -> str:
    if row.get("rank") is None or row.get("average") is None:
        return ""
    ranked = sum(rank is not None for rank in values(board.table, "rank"))
    return t(
        MODEL,
        language,
        average=format_number(100 * row["average"], 1, language=language),
        rank=format_number(row["rank"], language=language),
        models=format_number(ranked, language=language),
    )
