"""By how many points scores differ from those of the same model on a compared suite."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from evalboard.board.rows import Row
from evalboard.identity import RowIdentity
from evalboard.ranking.entries import AVERAGE
from evalboard.suites.model import Suite


def compare_rows(rows: Sequence[Row], others: Iterable[Row], suite: Suite) -> list[Row]:
    """Return the rows with the differences to the compared suite, see `Row.points_over`.

    Args:
        rows: Of the suite.
        others: Of the suite that it is compared with, none where it is not compared.
        suite: Says which benchmarks have the same questions.
    """
    known: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for other in others:
        known[_model(other.identity)].append(other)
    compared: list[Row] = []
    for row in rows:
        found = known[_model(row.identity)]
        points = (
            _points(row, max(found, key=lambda one: _likeness(row, one)), suite) if found else {}
        )
        compared.append(row._replace(points_over=points))
    return compared


def _model(identity: RowIdentity) -> tuple[str, ...]:
    return (identity.model, identity.sha, identity.precision, identity.weight_type)


def _likeness(row: Row, other: Row) -> tuple[bool, bool, bool]:
    """Return how well another row can be compared: alike prompts first, then an average."""
    mine, its = row.identity, other.identity
    return (
        mine.use_chat_template == its.use_chat_template,
        other.average is not None,
        mine.enable_thinking == its.enable_thinking,
    )


def _points(row: Row, other: Row, suite: Suite) -> Mapping[str, float]:
    points: dict[str, float] = {}
    for benchmark in suite.benchmarks:
        mine, its = row.scores.get(benchmark.key), other.scores.get(benchmark.compared_with)
        if mine and its and mine.n == its.n:
            points[benchmark.key] = 100 * (mine.value - its.value)
    counting = {key for key, weight in suite.weights.items() if weight}
    if row.average is not None and other.average is not None and counting <= points.keys():
        points[AVERAGE] = 100 * (row.average - other.average)
    return points
