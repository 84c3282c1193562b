"""The viewer as one server: data routes, static files, and Gradio's pages."""

import contextlib
import ctypes
import logging
import socket
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import gradio as gr
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, RedirectResponse
from gradio.route_utils import BUILD_PATH_LIB
from pydantic import BaseModel
from threadpoolctl import threadpool_limits

from evalboard.errors import EvalboardError
from evalboard.explanations import explanations
from evalboard.queueing.vitals import see_workers
from evalboard.services import listen
from evalboard.settings import Settings, listed_words
from evalboard.stores.addresses import is_hosted, open_board
from evalboard.suites.boards import boards_of
from leaderboard_app import about_page, analysis_page, programs_page, submit_page
from leaderboard_app.addresses import Proxies
from leaderboard_app.board_data import BoardUnreadable, follow_board, follow_queue
from leaderboard_app.board_document import SCHEMA_VERSION
from leaderboard_app.connections import make_server
from leaderboard_app.gradio_api import Endpoint, add_api_routes, make_endpoints, place_endpoints
from leaderboard_app.gradio_calls import GradioCalls, open_calls
from leaderboard_app.guard import NO_PREFIX, Guard, GuardRules
from leaderboard_app.language import LANGUAGES, language_of, mark, t, translations
from leaderboard_app.live_queue import LiveQueue
from leaderboard_app.login import Tickets, is_login_offered
from leaderboard_app.metrics import add_metrics
from leaderboard_app.model_routes import add_model_routes
from leaderboard_app.page_shell import STYLES, PageShell
from leaderboard_app.pages import Page, Viewer, element_page
from leaderboard_app.rank_routes import add_rank_routes
from leaderboard_app.recent_snapshots import HOSTED_SECONDS
from leaderboard_app.responses import explain_invalid, prepare_json
from leaderboard_app.share_routes import add_share_routes
from leaderboard_app.static_files import static_route
from leaderboard_app.submissions import add_submission_routes
from leaderboard_app.text import BOARD_UNREADABLE
from leaderboard_app.theme import make_theme

logger = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
FRONT_PAGE = element_page(mark("Board"), "", "board-table")
OTHER_PAGES = (
    element_page(mark("Compare"), "compare", "compare-page"),
    Page(analysis_page.TITLE, analysis_page.PATH, analysis_page.build_page),
    element_page(
        mark("Queue"), "queue", "queue-list", mark("The status of every submitted model.")
    ),
    Page(submit_page.TITLE, submit_page.PATH, submit_page.build_page),
    Page(programs_page.TITLE, programs_page.PATH, programs_page.build_page),
    Page(about_page.TITLE, about_page.PATH, about_page.build_page),
    element_page(mark("Model"), "model", "model-page"),
)
DESCRIPTION = (
    "The data of the board's pages, for programs. All addresses are relative to the address of the "
    "board. The data of a further board are below `boards/{suite}/`. Reading needs no key. If the board requires a log-in, submitting needs a Hugging Face "
    "token as `Authorization: Bearer`."
)
UNREADABLE: dict[int | str, dict[str, Any]] = {
    503: {"description": "The board store cannot be read right now."}
}
MMAP_THRESHOLD, THRESHOLD_BYTES = -3, 256 * 1024
"""Number of a parameter of `mallopt`, and its value."""
LOCAL_SECONDS = 2.0
"""Interval between checks of a board store in a folder."""


class Health(BaseModel):
    """The viewer's health, for monitoring."""

    status: Literal["ok"] = "ok"
    built_at: str | None
    """UTC time of the build of the first board, null before the first one."""
    rows: int
    """Of the first board."""
    requests: int
    workers: int | None
    """Machines whose workers have given a sign of life in the last two minutes, null if none has ever worked with
    the viewer's work folder."""
    seconds_since_worker: float | None
    """Since the last sign of life of a worker, null as `workers`."""


def create_app(settings: Settings) -> FastAPI:
    """Build the viewer. This reads the suite files. The first request reads the board store.

    Raises:
        ConfigError: A suite or the address of the board store is wrong.
    """
    # Readers have threads of their own. Those of matrix products would wait for one another.
    threadpool_limits(1, "blas")
    viewers = make_viewers(settings)
    first = viewers[0]
    # FastAPI's own documentation pages load scripts from another host.
    app = FastAPI(
        title=first.suite.title,
        description=DESCRIPTION,
        version=str(SCHEMA_VERSION),
        root_path=settings.viewer_root_path,
        docs_url=None,
        redoc_url=None,
    )
    app.add_exception_handler(EvalboardError, _explain)
    app.add_exception_handler(RequestValidationError, explain_invalid)
    _add_health(app, viewers)
    add_metrics(app, first)
    add_submission_routes(app, first)
    _add_static_routes(app, viewers)
    blocks: list[gr.Blocks] = []
    for viewer in viewers:
        endpoints = make_endpoints(viewer)
        blocks.append(build_blocks(viewer, endpoints))
        routes = _board_routes(viewer)
        add_api_routes(routes, blocks[-1], endpoints)
        app.include_router(routes, prefix=viewer.prefix, include_in_schema=viewer is first)
    login = first.tickets is not None
    calls = {
        viewer.prefix: open_calls(its, login=login)
        for viewer, its in zip(viewers, blocks, strict=True)
    }
    pages = {
        f"{viewer.prefix}/{page.path}": (viewer, page.title)
        for viewer in viewers
        for page in (FRONT_PAGE, *OTHER_PAGES)
    }
    app.add_middleware(PageShell, pages=pages, prefix=settings.viewer_root_path)
    # Gradio would let pages of other sites read its answers, unless the app has rules of its own.
    app.add_middleware(CORSMiddleware, allow_origins=())
    app.add_middleware(Guard, rules=_guard_rules(settings, calls))
    # The first board is mounted last: its address is the beginning of all others.
    for viewer, its in reversed(list(zip(viewers, blocks, strict=True))):
        _mount(app, viewer, its)
    return app


def _mount(app: FastAPI, viewer: Viewer, blocks: gr.Blocks) -> None:
    """Let Gradio serve the pages of a board."""
    with warnings.catch_warnings():
        # Said of every mounted app with several pages, also of those that do not ask for SSR.
        warnings.filterwarnings("ignore", "SSR mode is not supported")
        gr.mount_gradio_app(
            app,
            blocks,
            path=viewer.prefix or "/",
            root_path=viewer.settings.viewer_root_path + viewer.prefix or NO_PREFIX,
            footer_links=[],
            run_history=False,
            show_error=False,
            ssr_mode=False,
            theme=make_theme(),
            head=_head(f"{viewer.root}ui"),
        )


def _head(files: str) -> str:
    """Return the links to icon and styles, which all boards share. They follow Gradio's own styles.

    Args:
        files: Relative address of `static/`.
    """
    return "\n".join(
        (
            f'<link rel="icon" href="{files}/favicon.svg" type="image/svg+xml">',
            *(f'<link rel="stylesheet" href="{files}/{name}.css">' for name in STYLES),
        )
    )


def build_blocks(viewer: Viewer, endpoints: Mapping[str, Endpoint]) -> gr.Blocks:
    """Build Gradio's pages of a board, each at its own address so that it can be linked to."""
    with gr.Blocks(title=viewer.suite.title, analytics_enabled=False) as blocks:
        FRONT_PAGE.build(viewer)
        place_endpoints(endpoints)
    for page in OTHER_PAGES:
        with blocks.route(page.title, page.path, show_in_navbar=False):
            page.build(viewer)
    return blocks


def serve(settings: Settings, listener: socket.socket | None = None) -> None:
    """Serve the viewer until it is interrupted.

    Args:
        settings: The settings.
        listener: Listening socket. Default: one on `viewer_host` and `viewer_port`.

    Raises:
        ConfigError: The port is taken, or a suite or the board store's address is wrong.
    """
    # The memory of large arrays goes back to the system. Otherwise glibc raises its limit for that, and keeps 25 MB.
    ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, THRESHOLD_BYTES)
    host, port = settings.viewer_host, settings.viewer_port
    with listener or listen(host, port, setting="EVALBOARD_VIEWER") as listener:
        server = make_server(create_app(settings), settings)
        # uvicorn raises the interrupt again after it has shut down.
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def make_viewers(settings: Settings) -> list[Viewer]:
    """Return the data sources of the pages of each board of these settings, the first board first.

    Raises:
        ConfigError: A suite or the address of the board store is wrong.
    """
    boards = boards_of(settings)
    store = open_board(settings)
    pause = HOSTED_SECONDS if is_hosted(settings.store_address("board")) else LOCAL_SECONDS
    queue = LiveQueue(follow_queue(store, boards, max_age_seconds=pause), boards)
    tickets = Tickets() if is_login_offered() else None
    return [
        Viewer(
            settings,
            board.suite,
            follow_board(store, board.folder, max_age_seconds=pause),
            queue,
            boards,
            board.folder,
            tickets,
        )
        for board in boards
    ]


def _guard_rules(settings: Settings, calls: Mapping[str, GradioCalls]) -> GuardRules:
    return GuardRules(
        calls,
        Proxies(settings.trusted_proxies),
        frozenset(word.lower() for word in listed_words(settings.viewer_hosts)),
        settings.viewer_connections_per_address,
        settings.viewer_root_path,
        settings.viewer_user_header.lower().encode(),
    )


def _board_routes(viewer: Viewer) -> APIRouter:
    """Return the data routes of a board."""
    routes = APIRouter()

    @routes.get("/data/board.json", tags=["read"], responses=UNREADABLE)
    def board(request: Request) -> Response:
        """Return the table: its description (`meta`), its columns' descriptions, and the columns.

        A column is a list in rank order. Scores are fractions in [0, 1], or null if missing. Send
        the `ETag` of the last response in `If-None-Match`: the response for an unchanged table is
        304 without a body.
        """
        return viewer.board.current().document.respond(request)

    @routes.get("/data/first.json", tags=["read"], responses=UNREADABLE)
    def first(request: Request) -> Response:
        """Return the first hundred rows of the table, as `data/board.json` does; `all_rows` is the number of all."""
        return viewer.board.current().first.respond(request)

    @routes.get("/data/queue.json", tags=["read"], responses=UNREADABLE)
    def queue(request: Request) -> Response:
        """Return every submission and its status, with an `ETag`. The most urgent come first."""
        return viewer.queue.current().document.respond(request)

    if viewer.prefix:

        @routes.get("")
        def add_slash(request: Request) -> Response:
            """Lead to the board's front page, to which its addresses are relative."""
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{viewer.suite.name}/{query}", 308)

    add_model_routes(routes, viewer)
    add_rank_routes(routes, viewer)
    add_share_routes(routes, viewer)
    return routes


def _add_health(app: FastAPI, viewers: Sequence[Viewer]) -> None:
    @app.get("/health", tags=["operate"], responses=UNREADABLE)
    def health() -> Health:
        """Return the viewer's health. The status is 503 if it cannot read one of its boards."""
        first, *_ = [viewer.board.current() for viewer in viewers]
        workers = see_workers(viewers[0].settings, now=datetime.now(UTC))
        return Health(
            built_at=first.meta.built_at if first.meta else None,
            rows=first.table.num_rows,
            requests=len(viewers[0].queue.current().entries),
            workers=workers.alive if workers else None,
            seconds_since_worker=workers.since_sign.total_seconds() if workers else None,
        )


def _add_static_routes(app: FastAPI, viewers: Sequence[Viewer]) -> None:
    texts = {name: prepare_json(dict(translations(name))) for name in LANGUAGES}

    @app.get("/ui/texts.{language}.json", include_in_schema=False)
    def text(language: str, request: Request) -> Response:
        if language not in texts:
            raise HTTPException(404)
        return texts[language].respond(request)

    codes = prepare_json(_codes())

    @app.get("/ui/codes.json", include_in_schema=False)
    def explained(request: Request) -> Response:
        return codes.respond(request)

    app.router.routes.append(static_route("/ui", STATIC))
    for viewer in viewers:
        # Gradio would compress them for each request.
        app.router.routes.append(static_route(f"{viewer.prefix}/assets", Path(BUILD_PATH_LIB)))


def _codes() -> dict[str, dict[str, Any]]:
    """Return what the codes of findings and failures say, for the scripts."""
    table = explanations()
    findings = {code: kind.model_dump() for code, kind in table.finding_kinds.items()}
    failures = {code: kind.model_dump() for code, kind in table.failures.items()}
    return {"findings": findings, "failures": failures}


def _explain(request: Request, exc: Exception) -> Response:
    """Answer that the data cannot be read. Only the log contains the reason."""
    if not isinstance(exc, BoardUnreadable):
        logger.error("A store cannot be read: %s", exc)
    return JSONResponse({"error": t(BOARD_UNREADABLE, language_of(request))}, status_code=503)
