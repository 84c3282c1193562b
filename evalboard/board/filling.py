"""How far a board is: how many of its models have each benchmark as it is now."""

from collections import Counter
from collections.abc import Sequence

from evalboard.board.rows import Row
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
    counts: Counter[tuple[str, str]] = Counter()
    newest: dict[tuple[str, str], str] = {}
    for row in rows:
        if score := row.scores.get(key):
            asked = score.origin.task_version, score.origin.questions
            counts[asked] += 1
            newest[asked] = max(newest.get(asked, ""), score.finished_time)
    return max(((newest[asked], asked, n) for asked, n in counts.items()), default=("", "", 0))[2]
