"""The board's data on one model, and on several side by side. No I/O here."""

from collections.abc import Sequence
from typing import Any

from evalboard.board.differences import independent_difference
from evalboard.records.board_files import BenchmarkColumn, BoardMeta, SubjectColumn
from evalboard.records.columns import (
    IN_WORDS_SUFFIXES,
    MODEL_COLUMNS,
    POINTS_SUFFIX,
    RANK_SUFFIXES,
)
from evalboard.records.request import ModelType
from leaderboard_app.board_data import RankedBoard
from leaderboard_app.board_rows import find_rows, hub_url, matches, values
from leaderboard_app.references import reference_of

FACTS = (*(column for column in MODEL_COLUMNS if column not in ("org", "ranked")), "rank")
PARTS_IN_WORDS = tuple(suffix.removeprefix("__") for suffix in IN_WORDS_SUFFIXES)
SCORE_PARTS = (
    *("stderr", "low", "high", "n", "normalised"),
    POINTS_SUFFIX.removeprefix("__"),
    *(suffix.removeprefix("__") for suffix in RANK_SUFFIXES),
)


def find_model(board: RankedBoard, query: dict[str, str]) -> dict[str, Any] | None:
    """Return the row of a model page's address, None if the board has none.

    Args:
        board: The published board.
        query: `id`, and optionally `sha`, `precision`, `weights` and `chat` to choose among several
            rows. The best matching row counts.
    """
    rows = find_rows(board.table, query.get("id", ""))
    return next((row for row in rows if matches(row, query)), None)


def model_document(board: RankedBoard, meta: BoardMeta, row: dict[str, Any]) -> dict[str, Any]:
    """Return all data of a row.

    `scores` has every benchmark with its interval, `better_than` (see `share_below`) and its
    subjects. Scores are fractions, or null if missing.
    """
    others = [other for other in find_rows(board.table, row["model"]) if other != row]
    return {
        **describe_row(row),
        "title": meta.title,
        "suite": meta.suite,
        "built_at": meta.built_at,
        "notices": [n.model_dump(mode="json") for n in meta.notices if n.is_about(row["model"])],
        "ranked": sum(rank is not None for rank in board.table.column("rank").to_pylist()),
        "better_than": _standing(board, "average", row),
        "scores": [_benchmark_score(board, benchmark, row) for benchmark in meta.benchmarks],
        "others": [describe_row(other) for other in others],
    }


def comparison_document(
    board: RankedBoard, meta: BoardMeta, rows: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return rows side by side, with each benchmark's differences from the first row.

    These differences treat the scores as independent. The narrower ones from the individual
    questions come with the answers (`leaderboard_app.questions`).
    """
    return {
        "title": meta.title,
        "built_at": meta.built_at,
        "models": [describe_row(row) for row in rows],
        "benchmarks": [
            {
                **_describe(benchmark),
                "baseline": benchmark.baseline,
                "scores": [_cells(benchmark.key, row) for row in rows],
                "differences": [_difference(benchmark.key, rows[0], row) for row in rows],
                "subjects": [
                    {**_describe(subject), "scores": [_cells(subject.key, row) for row in rows]}
                    for subject in benchmark.subjects
                ],
            }
            for benchmark in meta.benchmarks
        ],
    }


def describe_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row's properties, its short name and its page on the Hub, null if unknown."""
    facts = {name: row.get(name) for name in FACTS}
    model_type = ModelType.parse(str(row.get("model_type") or ""))
    return facts | {
        "reference": reference_of(row),
        "model_type": model_type.value,
        "hub": hub_url(row["model"], row["sha"]),
    }


def share_below(value: float | None, others: Sequence[float | None]) -> float | None:
    """Return the fraction of the other rows' scores that are lower. Equal ones count half.

    Args:
        value: The score; None gives None.
        others: The scores of all rows, its own among them. Without any other there is no share.
    """
    known = [other for other in others if other is not None]
    if value is None or len(known) < 2:
        return None
    below = sum(other < value for other in known)
    equal = sum(other == value for other in known) - 1
    return (below + equal / 2) / (len(known) - 1)


def _standing(board: RankedBoard, key: str, row: dict[str, Any]) -> float | None:
    return share_below(row.get(key), values(board.table, key))


def _benchmark_score(
    board: RankedBoard, benchmark: BenchmarkColumn, row: dict[str, Any]
) -> dict[str, Any]:
    return {
        **_describe(benchmark),
        "fewshot": benchmark.fewshot,
        "metric": benchmark.metric,
        "baseline": benchmark.baseline,
        **_cells(benchmark.key, row),
        "better_than": _standing(board, benchmark.key, row),
        "in_words": _in_words(benchmark.key, row),
        "subjects": [
            {**_describe(subject), **_cells(subject.key, row)} for subject in benchmark.subjects
        ],
    }


def _describe(column: BenchmarkColumn | SubjectColumn) -> dict[str, Any]:
    return {"key": column.key, "title": column.title}


def _cells(key: str, row: dict[str, Any]) -> dict[str, Any]:
    return {"score": row.get(key)} | {part: row.get(f"{key}__{part}") for part in SCORE_PARTS}


def _in_words(key: str, row: dict[str, Any]) -> dict[str, Any] | None:
    """Return the figures of answers in words, None where the board has none."""
    figures = {part: row.get(f"{key}__{part}") for part in PARTS_IN_WORDS}
    return None if figures["read"] is None else figures


def _difference(key: str, first: dict[str, Any], row: dict[str, Any]) -> dict[str, Any] | None:
    found = [r.get(name) for r in (first, row) for name in (key, f"{key}__stderr")]
    numbers = [number for number in found if number is not None]
    if row is first or len(numbers) < len(found):
        return None
    return {**independent_difference(*numbers)._asdict(), "paired": False}
