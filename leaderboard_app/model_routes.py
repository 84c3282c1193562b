"""The addresses under `data/` for single models, for the pages and for programs."""

from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from evalboard.records.board_files import BoardMeta
from evalboard.stores.addresses import open_store
from evalboard.suites.model import Benchmark, Suite
from leaderboard_app.board_data import RankedBoard
from leaderboard_app.model_data import comparison_document, find_model, model_document
from leaderboard_app.pages import Viewer
from leaderboard_app.provenance import describe_document, read_documents, read_requests
from leaderboard_app.question_filter import QuestionFilter, Show
from leaderboard_app.questions import MAX_MODELS, MAX_QUESTIONS, Source, questions_document
from leaderboard_app.recent_snapshots import RecentSnapshots
from leaderboard_app.references import find_row
from leaderboard_app.responses import PreparedResponse, prepare_json

MAX_NAME_CHARACTERS = 500
"""Of a model's name, or of words to search."""
MAX_QUESTION_NUMBER = 10_000_000
KEPT_MODELS = 256

References = Annotated[
    list[str],
    Field(
        min_length=1,
        max_length=MAX_MODELS,
        description="Rows of the board, each as `org/name@sha8@precision@weights@chat`. Parts "
        "omitted on the right match any value.",
    ),
]


class ModelQuery(BaseModel):
    """The choice of a row. The best matching one counts."""

    id: str = Field(max_length=MAX_NAME_CHARACTERS, description="Name of the model, `org/name`.")
    sha: str = Field("", max_length=64, description="Commit, or the start of it.")
    precision: str = Field("", max_length=64)
    weights: str = Field("", max_length=64, description="Weight type.")
    chat: str = Field(
        "",
        max_length=5,
        description="1 with the chat template, 0 without it, `think` with thinking.",
    )


class ComparisonQuery(BaseModel):
    """The choice of rows."""

    m: References


class QuestionsQuery(BaseModel):
    """The choice of questions and rows."""

    m: References
    benchmark: str = Field(
        "",
        max_length=MAX_NAME_CHARACTERS,
        description="Key of the benchmark. Empty: the first one whose answers are stored.",
    )
    show: Show = Field(
        "all",
        description="`right` or `wrong`: the first model's answer; `differ`: the models' answers "
        "differ.",
    )
    subject: str = Field("", max_length=MAX_NAME_CHARACTERS)
    search: str = Field("", max_length=MAX_NAME_CHARACTERS)
    offset: int = Field(0, ge=0, le=MAX_QUESTION_NUMBER)
    limit: int = Field(20, ge=0, le=MAX_QUESTIONS)


class _Built(NamedTuple):
    board: RankedBoard
    meta: BoardMeta


def add_model_routes(routes: APIRouter, viewer: Viewer) -> None:
    """Add `data/model.json`, `provenance.json`, `compare.json` and `questions.json`.

    Raises:
        ConfigError: The address of a store is wrong.
    """
    settings, suite = viewer.settings, viewer.suite
    results = RecentSnapshots(open_store(settings.store_address("results"), settings))
    requests = RecentSnapshots(open_store(settings.store_address("requests"), settings))
    source = Source(results, suite.name, settings.datasets)

    # Open pages ask every few seconds.
    @lru_cache(maxsize=KEPT_MODELS)
    def model_answer(_built_as: str, query: tuple[tuple[str, str], ...]) -> PreparedResponse:
        board, meta = built_board(viewer)
        return prepare_json(model_document(board, meta, _row(board, dict(query))))

    @routes.get("/data/model.json")
    def model(request: Request, query: Annotated[ModelQuery, Query()]) -> Response:
        """Return a model's data: scores, intervals, rank, properties."""
        built = viewer.board.current().document.etag
        return model_answer(built, tuple(query)).respond(request)

    @routes.get("/data/provenance.json")
    def provenance(request: Request, query: Annotated[ModelQuery, Query()]) -> Response:
        """Return the origin of a model's scores: result documents, newest first, and requests."""
        row = _row(built_board(viewer).board, dict(query))
        documents = [describe_document(d) for d in read_documents(results, row, suite.name)]
        told = read_requests(requests, viewer.queue.current().entries, row, suite.name)
        return prepare_json({"documents": documents, "requests": told}).respond(request)

    @routes.get("/data/compare.json")
    def compare(request: Request, query: Annotated[ComparisonQuery, Query()]) -> Response:
        """Return models side by side. All others are compared with the first."""
        board, meta = built_board(viewer)
        document = comparison_document(board, meta, find_rows_of(board, query.m))
        return prepare_json(document).respond(request)

    @routes.get("/data/questions.json")
    def questions(request: Request, query: Annotated[QuestionsQuery, Query()]) -> Response:
        """Return questions of a benchmark with the models' answers and differences."""
        rows = find_rows_of(built_board(viewer).board, query.m)
        chosen = QuestionFilter(query.show, query.subject, query.search, query.offset, query.limit)
        documents = (
            questions_document(source, benchmark, rows, chosen)
            for benchmark in _benchmarks(suite, query.benchmark)
        )
        first = next(documents)
        stored = (document for document in chain((first,), documents) if document["stored"])
        return prepare_json(next(stored, first)).respond(request)


def built_board(viewer: Viewer) -> _Built:
    """Return the published board.

    Raises:
        HTTPException: It has not been built yet.
    """
    board = viewer.board.current()
    if board.meta is None:
        raise HTTPException(404, "The board has not been built yet.")
    return _Built(board, board.meta)


def _row(board: RankedBoard, query: dict[str, str]) -> dict[str, Any]:
    row = find_model(board, query)
    if row is None:
        raise HTTPException(404, "The board has no such model.")
    return row


def find_rows_of(board: RankedBoard, references: list[str]) -> list[dict[str, Any]]:
    """Return the rows of short names.

    Raises:
        HTTPException: The board does not have one of them.
    """
    rows: list[dict[str, Any]] = []
    for reference in references:
        row = find_row(board.table, reference)
        if row is None:
            raise HTTPException(404, "The board has no such model.")
        rows.append(row)
    return rows


def _benchmarks(suite: Suite, key: str) -> list[Benchmark]:
    """Return the benchmark of a key, all for an empty one."""
    found = [benchmark for benchmark in suite.benchmarks if key in ("", benchmark.key)]
    if not found:
        raise HTTPException(404, "The board has no such benchmark.")
    return found
