"""How far a board is: how many of its models have each benchmark as it is now."""

from collections.abc import Sequence

from evalboard.board.rows import Row
from evalboard.board.scores import Score
from evalboard.records.board_files import Filling
from evalboard.suites.model import Suite


def filling(rows: Sequence[Row], suite: Suite) -> tuple[Filling, ...]:
    """Return the benchmarks that not all rows have, those of the fewest rows first.

    A benchmark that changed begins again: the version and the questions of its newest score count.
    """
    counts = [
        Filling(key=b.key, title=b.title, have=_current(rows, b.key), of=len(rows))
        for b in suite.benchmarks
    ]
    return tuple(sorted((one for one in counts if one.have < one.of), key=lambda one: one.have))


def _current(rows: Sequence[Row], key: str) -> int:
    scores = [row.scores[key] for row in rows if key in row.scores]
    newest = max(scores, key=lambda one: (one.finished_time, _asked(one)), default=None)
    return sum(_asked(score) == _asked(newest) for score in scores) if newest else 0


def _asked(score: Score) -> tuple[str, str]:
    return score.origin.task_version, score.origin.questions
