"""Addresses for use elsewhere: the board as a file, badges, pictures of link previews, and feeds."""

from collections.abc import Hashable
from threading import Lock
from typing import Annotated, Any

from cachetools import LRUCache, cached
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import Field

from leaderboard_app.badges import Shown, badge_of
from leaderboard_app.board_data import RankedBoard
from leaderboard_app.downloads import csv_of, parquet_of
from leaderboard_app.feeds import Feed, board_feed, queue_feed
from leaderboard_app.language import language_of, mark, t
from leaderboard_app.model_data import find_model
from leaderboard_app.model_routes import MAX_NAME_CHARACTERS, ModelQuery, built_board
from leaderboard_app.newest import Newest
from leaderboard_app.pages import Viewer
from leaderboard_app.pictures import draw_board, draw_model
from leaderboard_app.public import public_address, with_query
from leaderboard_app.references import reference_of
from leaderboard_app.responses import PreparedFile, prepare, prepare_file

KEPT_PICTURES = 64
ATOM = "application/atom+xml; charset=utf-8"
SUBMISSIONS = mark("Submissions")
SUBMISSIONS_OF = mark("Submissions of {name}")


class PictureQuery(ModelQuery):
    """The choice of a row, or of the board."""

    id: str = Field(
        "", max_length=MAX_NAME_CHARACTERS, description="As for a model. Empty: the board."
    )


def add_share_routes(routes: APIRouter, viewer: Viewer) -> None:
    """Add `data/board.parquet`, `data/board.csv`, `badge/`, `picture.png` and the feeds."""
    _add_downloads(routes, viewer)
    _add_badges(routes, viewer)
    _add_pictures(routes, viewer)
    _add_feeds(routes, viewer)


def _add_downloads(routes: APIRouter, viewer: Viewer) -> None:
    parquet, csv = Newest(parquet_of), Newest(csv_of)

    @routes.get("/data/board.parquet", tags=["read"])
    def board_parquet(request: Request) -> Response:
        """Return the whole board as a Parquet file: every column in full precision, with an `ETag`."""
        file = parquet.of(built_board(viewer).board)
        return file.respond(request, f"{viewer.suite.name}.parquet")

    @routes.get("/data/board.csv", tags=["read"])
    def board_csv(request: Request) -> Response:
        """Return the whole board as CSV: every column in full precision, with an `ETag`."""
        return csv.of(built_board(viewer).board).respond(request, f"{viewer.suite.name}.csv")


def _add_badges(routes: APIRouter, viewer: Viewer) -> None:
    @routes.get("/badge/{org}/{name}.svg", tags=["read"])
    def badge(org: str, name: str, request: Request, show: Shown = "rank") -> Response:
        """Return a badge of a model with its rank or average, which it shows as soon as it has one."""
        board = viewer.board.current()
        row = find_model(board, {"id": f"{org}/{name}"})
        return badge_of(board, viewer.suite.title, row, show).respond(request)


def _add_pictures(routes: APIRouter, viewer: Viewer) -> None:
    title = viewer.suite.title

    @cached(LRUCache(KEPT_PICTURES), key=_picture_key, lock=Lock())
    def draw(board: RankedBoard, row: dict[str, Any] | None, language: str) -> PreparedFile:
        drawn = (
            draw_model(board, title, row, language) if row else draw_board(board, title, language)
        )
        return prepare_file(drawn, "image/png")

    @routes.get("/picture.png", tags=["read"])
    def picture(request: Request, query: Annotated[PictureQuery, Query()]) -> Response:
        """Return the picture that the preview of a link shows: of a model, or of the board."""
        board, _ = built_board(viewer)
        row = find_model(board, dict(query)) if query.id else None
        if query.id and row is None:
            raise HTTPException(404, "The board has no such model.")
        return draw(board, row, language_of(request)).respond(request)


def _picture_key(board: RankedBoard, row: dict[str, Any] | None, language: str) -> Hashable:
    return board.document.etag, reference_of(row) if row else "", language


def _add_feeds(routes: APIRouter, viewer: Viewer) -> None:
    def feed(request: Request, title: str, path: str) -> Feed:
        base = public_address(viewer, request) or "../"
        return Feed(title, path, base, language_of(request))

    @routes.get("/data/board.atom", tags=["read"])
    def changes(request: Request) -> Response:
        """Return a feed of the models that came to the board and of those that left it."""
        text = board_feed(
            viewer.board.current(), feed(request, viewer.suite.title, "data/board.atom")
        )
        return prepare(text.encode(), ATOM).respond(request)

    @routes.get("/data/queue.atom", tags=["read"])
    def submissions(
        request: Request,
        sender: Annotated[str, Query(max_length=MAX_NAME_CHARACTERS)] = "",
    ) -> Response:
        """Return a feed of what became of submissions, of everybody or of one submitter."""
        language = language_of(request)
        title = t(SUBMISSIONS_OF, language, name=sender) if sender else t(SUBMISSIONS, language)
        own = feed(
            request, f"{title} · {viewer.suite.title}", with_query("data/queue.atom", sender=sender)
        )
        return prepare(
            queue_feed(viewer.queue.current().entries, sender, own).encode(), ATOM
        ).respond(request)
