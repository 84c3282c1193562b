"""The board's table: rows as a data frame, and its two files."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache, lru_cache, partial
from statistics import multimode
from typing import Any, NamedTuple, cast

import pandas as pd
import pyarrow as pa

from evalboard.board.comparison import compare_rows
from evalboard.board.filling import filling
from evalboard.board.harnesses import Harnesses
from evalboard.board.notices import (
    find_copies,
    find_missing,
    liked,
    marked,
    noticed,
    shown_notices,
)
from evalboard.board.reported import shown_apart
from evalboard.board.rows import Attempt, Row, merge_attempts
from evalboard.board.scores import Score
from evalboard.board.standings import (
    FindAnswers,
    Standing,
    Standings,
    rank_rows,
)
from evalboard.board.statistics import (
    Interval,
    mean_interval,
    normal_interval,
    normalise,
    wilson_interval,
)
from evalboard.containing import contained
from evalboard.identity import RowIdentity
from evalboard.ranking.entries import AVERAGE
from evalboard.ranking.published import to_bytes
from evalboard.ranking.ranges import Earlier
from evalboard.records.board_files import (
    ANSWERS_FILE,
    META_FILE,
    TABLE_FILE,
    AverageOfBoard,
    BenchmarkColumn,
    BoardMeta,
    SubjectColumn,
)
from evalboard.records.columns import (
    BENCHMARK_SUFFIXES,
    COLUMNS,
    IN_WORDS_SUFFIXES,
    MODEL_COLUMNS,
    POINTS_SUFFIX,
    RANK_SUFFIXES,
    ROBUSTNESS_SUFFIXES,
    SCORE_SUFFIXES,
    SUBJECT_SUFFIXES,
    Kind,
)
from evalboard.records.earned import AnswersName, Earned
from evalboard.records.hub_state import HubState
from evalboard.records.in_words import InWords
from evalboard.records.notice import Notice
from evalboard.records.parquet import parquet_file
from evalboard.records.reported import ReportedRow
from evalboard.records.robustness import Robustness
from evalboard.records.spent import total
from evalboard.records.times import timestamp
from evalboard.records.verdict import Verdict
from evalboard.suites.model import Benchmark, Suite

_STRING, _NUMBER, _COUNT = ("str", pa.string()), ("float64", pa.float64()), ("Int64", pa.int64())
_OTHER_KINDS: dict[Kind, tuple[str, pa.DataType]] = {
    "params": _NUMBER,
    "average": _NUMBER,
    "share": _NUMBER,
    "points": _NUMBER,
    "amount": _NUMBER,
    "count": _COUNT,
    "yes": ("boolean", pa.bool_()),
    "flags": ("object", pa.list_(pa.string())),
}
"""Type in pandas and in Arrow; a column of any other kind is text."""
REMEMBERED_SCORES = 2**17
"""Scores of a large board, nearly all of which are the same at the next build of this process."""
_MODEL_TYPES = {column.key: _OTHER_KINDS.get(column.kind, _STRING) for column in COLUMNS}


RankedRow = tuple[Row, Standing]
Cells = dict[str, Sequence[Any]]
"""By name of a column, its value in every row; None for nothing."""


class Board(NamedTuple):
    """The table and its description."""

    frame: pd.DataFrame
    meta: BoardMeta
    standings: Standings
    answers: bytes
    """What rows are compared from; see `evalboard.ranking.published`."""


def _no_answers(names: Sequence[AnswersName | None]) -> list[Earned | None]:
    return [None for _ in names]


def build_board(
    attempts: Iterable[Attempt],
    suite: Suite,
    *,
    revision: str,
    now: datetime,
    compared: Sequence[Row] = (),
    find_answers: FindAnswers = _no_answers,
    earlier: Earlier | None = None,
    reported: Iterable[ReportedRow] = (),
    notices: Sequence[Notice] = (),
    verdicts: Sequence[Verdict] = (),
    hub_states: Sequence[HubState] = (),
) -> Board:
    """Build a suite's board.

    Args:
        attempts: What the result documents give to it.
        suite: The benchmarks of the board.
        revision: Revision of the results store from which they were read.
        now: Time of the build.
        compared: Rows of the suite to which the board shows differences.
        find_answers: Finds what each question earned. Without answers, rows are compared by their
            standard errors.
        earlier: What was ranked at the last build of a large board.
        reported: Scores that others report, which are in no row.
        notices: What the operator says of models.
        verdicts: Which versions of lm-eval and of the backends give comparable scores.
        hub_states: What the Hub says of the models.
    """
    merged = liked(merge_attempts(noticed(attempts, notices), suite), hub_states)
    told = (*notices, *find_copies(merged), *find_missing(merged, hub_states))
    rows = compare_rows(marked(merged, told, suite), compared, suite)
    standings = rank_rows(rows, suite, find_answers, earlier, Harnesses(verdicts, suite.name))
    frame = build_frame(list(zip(rows, standings.rows, strict=True)), suite)
    smallest = standings.smallest_differences
    answers = to_bytes(standings.ranked.entries)
    meta = BoardMeta(
        suite=suite.name,
        title=suite.title,
        benchmarks=tuple(
            _describe(benchmark, share, frame, smallest[benchmark.key])
            for benchmark, share in zip(suite.benchmarks, suite.shares, strict=True)
        ),
        average=AverageOfBoard(
            of=suite.average.of,
            scores=suite.average.scores,
            smallest_difference=smallest[AVERAGE],
        ),
        filling=filling(rows, suite),
        reported=shown_apart(reported, suite),
        notices=shown_notices(told),
        revision=revision,
        built_at=timestamp(now),
        answers_hash=hashlib.sha256(answers).hexdigest(),
        content_hash="",
    )
    described = meta.model_copy(update={"content_hash": content_hash(frame, meta)})
    return Board(frame, described, standings, answers)


def build_frame(rows: Sequence[RankedRow], suite: Suite) -> pd.DataFrame:
    """Return the table: ranked rows by descending average, then the others in the same order.

    Missing numbers are NaN or NA, missing texts are empty. A table without rows has all columns. A
    row that no table can contain, such as one with a number of 40 digits, is omitted and logged.
    """
    frame = contained(partial(_storable_frame, rows, suite), "The table of the board")
    if isinstance(frame, pd.DataFrame):
        return frame
    return _storable_frame([row for row in rows if _is_storable(row, suite)], suite)


def _is_storable(row: RankedRow, suite: Suite) -> bool:
    name = f"The row of {row[0].identity.model!r}"
    return isinstance(contained(partial(_storable_frame, [row], suite), name), pd.DataFrame)


def _storable_frame(rows: Sequence[RankedRow], suite: Suite) -> pd.DataFrame:
    """Return the table of rows, after a try to store it."""
    frame = _frame(rows, suite)
    _to_arrow(frame)
    return frame


def _frame(rows: Sequence[RankedRow], suite: Suite) -> pd.DataFrame:
    def place(ranked: RankedRow) -> tuple[bool, float, RowIdentity]:
        row, _ = ranked
        return not row.ranked, -(row.average or 0), row.identity

    ordered = sorted(rows, key=place)
    cells = _model_cells(ordered)
    for benchmark in suite.benchmarks:
        cells |= _benchmark_cells(benchmark, ordered, suite)
    return pd.DataFrame(
        {
            name: pd.Series(cells[name], dtype=cast(Any, dtype))
            for name, (dtype, _) in _column_types(suite).items()
        }
    )


def to_parquet(frame: pd.DataFrame) -> bytes:
    """Return the table as a Parquet file. The same table gives the same bytes."""
    return parquet_file(_to_arrow(frame))


def content_hash(frame: pd.DataFrame, meta: BoardMeta) -> str:
    """Return the sha256 of the board's content.

    The time of the build, the revision and Parquet's encoding are not part of it: a new version of
    Parquet does not make a new board.
    """
    description = meta.model_dump(
        mode="json", exclude={"built_at", "revision", "content_hash", "gone"}
    )
    table = _to_arrow(frame)
    head = json.dumps([description, table.column_names, table.num_rows], separators=(",", ":"))
    found = hashlib.sha256(head.encode())
    for column in table.columns:
        found.update(_cells(column))
    return found.hexdigest()


def _cells(column: pa.ChunkedArray) -> bytes:
    """Return the cells of a column: numbers as 64 bits and a byte for whether one is missing, others as JSON."""
    if not pa.types.is_floating(column.type) and not pa.types.is_integer(column.type):
        return json.dumps(column.to_pylist(), separators=(",", ":")).encode()
    values, is_missing = column.fill_null(0).to_numpy(), column.is_null().to_numpy()
    return values.astype(values.dtype.newbyteorder("<")).tobytes() + is_missing.tobytes()


def board_files(board: Board) -> dict[str, bytes]:
    """Return the board's files by path in the board store."""
    meta = json.dumps(board.meta.model_dump(mode="json"), indent=2, ensure_ascii=False)
    return {
        TABLE_FILE: to_parquet(board.frame),
        META_FILE: (meta + "\n").encode(),
        ANSWERS_FILE: board.answers,
    }


def _column_types(suite: Suite) -> dict[str, tuple[str, pa.DataType]]:
    """Return every column with its type in pandas and in Arrow."""
    types = dict(_MODEL_TYPES)
    for benchmark in suite.benchmarks:
        names = [benchmark.key + suffix for suffix in BENCHMARK_SUFFIXES]
        names += [benchmark.key + suffix for suffix in _further_suffixes(suite)]
        if benchmark.robustness:
            names += [benchmark.key + suffix for suffix in ROBUSTNESS_SUFFIXES]
        names += [subject + suffix for subject in benchmark.tasks for suffix in SUBJECT_SUFFIXES]
        types |= {name: _score_type(name) for name in names}
    return types


def _further_suffixes(suite: Suite) -> tuple[str, ...]:
    """Return the columns of a benchmark that only some suites have."""
    in_words = IN_WORDS_SUFFIXES if suite.generation else ()
    return (*in_words, POINTS_SUFFIX) if suite.compared_with else in_words


def _score_type(column: str) -> tuple[str, pa.DataType]:
    return _COUNT if column.endswith(("__n", *RANK_SUFFIXES)) else _NUMBER


def _to_arrow(frame: pd.DataFrame) -> pa.Table:
    """Return the table with types that do not depend on its values, because it can be empty."""
    fields = [(str(name), arrow_type(str(name))) for name in frame.columns]
    return pa.Table.from_pandas(frame, schema=pa.schema(fields), preserve_index=False)


def arrow_type(column: str) -> pa.DataType:
    """Return the type of a column in the stored table."""
    return (_MODEL_TYPES.get(column) or _score_type(column))[1]


def _model_cells(rows: Sequence[RankedRow]) -> Cells:
    """Return the columns before those of the benchmarks."""
    records = [_record(row, standing) for row, standing in rows]
    return {name: [record[name] for record in records] for name in MODEL_COLUMNS}


def _record(row: Row, standing: Standing) -> dict[str, Any]:
    origins = {score.origin for score in row.scores.values()}
    place = standing.places.get(AVERAGE) or (None, None, None)
    computed: dict[str, Any] = {
        **row.identity._asdict(),
        "org": row.config.model_name.rpartition("/")[0],
        "finished_time": row.finished_time,
        "likes": row.likes,
        "former_names": list(row.former_names),
        "flags": row.flags,
        "backend": ", ".join(sorted({origin.backend for origin in origins})),
        "lm_eval_version": ", ".join(sorted({origin.lm_eval_version for origin in origins})),
        "average": row.average,
        "n_benchmarks": len(row.scores),
        "apart": standing.apart,
        "unpaired": standing.unpaired,
        **dict(zip(_names(AVERAGE, RANK_SUFFIXES), place, strict=True)),
        "complete": row.complete,
        "ranked": row.ranked,
        **_in_words(row.in_words),
        **(row.robustness or Robustness())._asdict(),
        **row.blind._asdict(),
        "points_over_loglikelihood": row.points_over.get(AVERAGE),
        **_spent(row),
    }
    told = {name: getattr(row.config, name) for name in MODEL_COLUMNS if name not in computed}
    return told | computed


def _spent(row: Row) -> dict[str, Any]:
    """Return a row's columns of what its scores have cost, as far as that is known of all of them."""
    whole = total(score.spent for score in row.scores.values())
    energy = whole and whole.energy_wh
    return {
        "hours": whole and whole.seconds / 3600,
        "gpu_hours": whole and whole.gpu_hours,
        "energy_kwh": energy and energy / 1000,
        "energy_estimated": whole.energy_is_estimated if whole and energy is not None else None,
        "prompt_tokens": whole and whole.prompt_tokens,
        "generated_tokens": whole and whole.generated_tokens,
    }


def _in_words(figures: InWords | None) -> dict[str, Any]:
    """Return a row's columns of answers in words."""
    return {
        "strict_accuracy": figures and figures.strict,
        "read_share": figures and figures.read,
        "unfinished_share": figures and figures.unfinished,
        "median_tokens": figures and round(figures.median_tokens),
        "p95_tokens": figures and round(figures.p95_tokens),
    }


def _benchmark_cells(benchmark: Benchmark, rows: Sequence[RankedRow], suite: Suite) -> Cells:
    """Return the columns of a benchmark and of its subjects."""
    key = benchmark.key
    scores = [row.scores.get(key) for row, _ in rows]
    places = [standing.places.get(key) for _, standing in rows]
    values = [score and _values(score, benchmark.baseline) for score in scores]
    cells = _columns(key, SCORE_SUFFIXES, values) | _columns(key, RANK_SUFFIXES, places)
    if suite.generation:
        cells |= _columns(key, IN_WORDS_SUFFIXES, [score and score.in_words for score in scores])
    if benchmark.robustness:
        figures = [score and score.robustness for score in scores]
        cells |= _columns(key, ROBUSTNESS_SUFFIXES, figures)
    if suite.compared_with:
        cells[key + POINTS_SUFFIX] = [row.points_over.get(key) for row, _ in rows]
    for number, subject in enumerate(benchmark.tasks):
        parts = [score and score.subjects[number] for score in scores]
        told = [part and (part.value, part.stderr, part.n) for part in parts]
        cells |= _columns(subject, SUBJECT_SUFFIXES, told)
    return cells


def _values(score: Score, baseline: float) -> tuple[Any, ...]:
    """Return the values of a score's own six columns."""
    value, stderr, n, *_ = score
    low, high, normalised = _derived(value, stderr, n, baseline, is_group=bool(score.subjects))
    return value, stderr, low, high, n, normalised


@lru_cache(maxsize=REMEMBERED_SCORES)
def _derived(
    value: float, stderr: float | None, n: int, baseline: float, *, is_group: bool
) -> tuple[float, float, float]:
    """Return both ends of a score's interval, and its normalised value."""
    low, high = _interval(value, stderr, n, is_group=is_group)
    return low, high, normalise(value, baseline)


def _columns(key: str, suffixes: tuple[str, ...], values: Sequence[Sequence[Any] | None]) -> Cells:
    """Return columns from what each row has in all of them, None for nothing."""
    nothing = (None,) * len(suffixes)
    rows = [value or nothing for value in values]
    columns = zip(*rows, strict=True) if rows else [()] * len(suffixes)
    return dict(zip(_names(key, suffixes), columns, strict=True))


@cache
def _names(key: str, suffixes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key + suffix for suffix in suffixes)


def _interval(value: float, stderr: float | None, n: int, *, is_group: bool) -> Interval:
    """Treat a standard error of 0 as unknown: all questions had the same result."""
    if not stderr:
        return wilson_interval(value, n)
    return normal_interval(value, stderr) if is_group else mean_interval(value, stderr)


def _describe(
    benchmark: Benchmark, share: float, frame: pd.DataFrame, smallest_difference: float | None
) -> BenchmarkColumn:
    return BenchmarkColumn(
        key=benchmark.key,
        title=benchmark.title,
        group=benchmark.group,
        n=_usual_count(benchmark.key, frame),
        fewshot=benchmark.num_fewshot,
        metric=benchmark.metric,
        baseline=benchmark.baseline,
        share=share,
        smallest_difference=smallest_difference,
        subjects=tuple(
            SubjectColumn(key=subject.key, title=subject.title, n=_usual_count(subject.key, frame))
            for subject in benchmark.subjects
        ),
    )


def _usual_count(key: str, frame: pd.DataFrame) -> int | None:
    """Return the most frequent number of questions, the larger one in a tie."""
    counts: list[int] = frame[f"{key}__n"].dropna().tolist()
    return max(multimode(counts), default=None)
