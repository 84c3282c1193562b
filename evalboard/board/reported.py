"""The scores that others report, as the board shows them: apart, best first, without ranks."""

from collections.abc import Iterable

from evalboard.board.rows import average
from evalboard.records.reported import ReportedRow
from evalboard.suites.model import Suite


def shown_apart(rows: Iterable[ReportedRow], suite: Suite) -> tuple[ReportedRow, ...]:
    """Return the rows that have a score of the suite, with their averages, in a fixed order."""
    averaged = [_averaged(row, suite) for row in rows]
    return tuple(sorted((row for row in averaged if row.scores), key=_place))


def _averaged(row: ReportedRow, suite: Suite) -> ReportedRow:
    keys = [benchmark.key for benchmark in suite.benchmarks]
    scores = {key: row.scores[key] for key in keys if key in row.scores}
    mean = average({key: score.value for key, score in scores.items()}, suite)
    return row.model_copy(update={"scores": scores, "average": mean})


def _place(row: ReportedRow) -> tuple[bool, float, str, str, str]:
    return row.average is None, -(row.average or 0.0), row.model, row.setting, row.source
