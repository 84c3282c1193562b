"""Tables with one row per model: `contents` of the template's second generation, and our exports. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from evalboard.errors import RecordError
from evalboard.importing.results import Origin
from evalboard.importing.values import Note, fraction, listed, number, plain_name, precision
from evalboard.records.reported import ReportedRow, ReportedScore
from evalboard.suites.model import Benchmark, Suite

MODEL_COLUMNS = ("fullname", "model_name", "model", "Model")
"""Where a table has the name of the model. `Model` of the template is a link in HTML, beside `fullname`."""
REVISION_COLUMNS = ("Model sha", "model_sha", "sha", "revision")
PRECISION_COLUMNS = ("Precision", "precision", "model_dtype")


class TableRow(NamedTuple):
    """One row of a table."""

    number: int
    """From 0."""
    cells: dict[str, Any]

    @property
    def text(self) -> str:
        """The row as JSON; numbers that JSON does not have are written as Python does."""
        return json.dumps(self.cells, default=str, ensure_ascii=False)


def score_columns(columns: Sequence[str], suite: Suite) -> dict[str, str]:
    """Return the column of each benchmark that a table has, by key.

    The template has two per benchmark, `{title}` and `{title} Raw`: the first is normalised, the second
    is the score.
    """
    plain = {plain_name(column): column for column in reversed(columns)}
    found: dict[str, str] = {}
    for benchmark in suite.benchmarks:
        names = [plain_name(n) for n in (benchmark.key, benchmark.task_name, benchmark.title)]
        wanted = [f"{name}_raw" for name in names] + names
        column = next((plain[name] for name in wanted if name in plain), None)
        if column is not None:
            found[benchmark.key] = column
    return found


def read_rows(rows: Sequence[TableRow], suite: Suite, origin: Origin) -> Iterator["ReadRow"]:
    """Yield what each row of a table says.

    Raises:
        RecordError: The table has no column with the names of models, or none of a benchmark.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row.cells))
    model = next((name for name in MODEL_COLUMNS if name in columns), None)
    scored = score_columns(columns, suite)
    if model is None or not scored:
        raise RecordError(
            f"{origin.path!r} has no column {'of a benchmark' if model else 'fullname or model'}; it "
            f"has {listed(columns)}."
        )
    for row in rows:
        yield _read_row(row, model, scored, suite, origin)


class ReadRow(NamedTuple):
    """A row of a table, read."""

    row: ReportedRow | None
    """None if it has no score."""
    notes: tuple[str, ...]
    text: str


def _read_row(
    row: TableRow, model: str, scored: Mapping[str, str], suite: Suite, origin: Origin
) -> ReadRow:
    notes: list[str] = []
    scores: dict[str, ReportedScore] = {}
    for benchmark in suite.benchmarks:
        if benchmark.key in scored:
            score = _score(row.cells, benchmark, scored[benchmark.key], notes.append)
            scores |= {benchmark.key: score} if score else {}
    name = str(row.cells.get(model) or "").strip()
    if not name:
        notes.append("The row does not name its model: left out.")
    if not scores or not name:
        return ReadRow(None, tuple(notes), row.text)
    read = ReportedRow(
        model=name,
        source=origin.source or f"{origin.path}, row {row.number}",
        link=origin.link,
        kind="imported",
        revision=_first(row.cells, REVISION_COLUMNS),
        precision=precision(_first(row.cells, PRECISION_COLUMNS)),
        scores=scores,
    )
    return ReadRow(read, tuple(notes), row.text)


def _score(
    cells: Mapping[str, Any], benchmark: Benchmark, column: str, note: Note
) -> ReportedScore | None:
    written = cells.get(column)
    if written is None or written == "":
        return None
    known = number(written)  # every cell of a CSV file is a text
    value, divisor = fraction(written if known is None else known, repr(column), note)
    if value is None:
        return None
    stderr = number(cells.get(f"{benchmark.key}__stderr"))
    return ReportedScore(value=value, stderr=None if stderr is None else stderr / divisor)


def _first(cells: Mapping[str, Any], columns: Sequence[str]) -> str:
    return next((str(cells[name]) for name in columns if cells.get(name)), "")
