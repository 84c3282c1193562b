"""How far a board is: how many of its models have each benchmark as it is now."""

from collections import Counter
from collections.abc import Sequence

from evalboard.board.rows import Row
from evalboard.board.scores import Origin
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
    scores = [score for row in rows if (score := row.scores.get(key))]
    latest = max((score.finished_time for score in scores), default="")
    origins = Counter([score.origin for score in scores])
    newest = {score.origin for score in scores if score.finished_time == latest}
    asked = max(map(_asked, newest), default=None)
    return sum(count for origin, count in origins.items() if _asked(origin) == asked)


def _asked(origin: Origin) -> tuple[str, str]:
    return origin.task_version, origin.questions
