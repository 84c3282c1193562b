"""Marks on rows whose scores were measured in different ways.

The columns of the board show precision, weight type, base model, template, backend and lm_eval
version of a row. The marks show what columns cannot: scores within a row that differ in how they
were measured (`mixed_…`), scores that were measured in another way than those of most rows
(`other_…`), and questions that were too long for the model (`cut_questions`).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

from evalboard.board.scores import Origin, Score

Aspect = Callable[[Origin], Hashable]


class _Comparison(NamedTuple):
    """A property that the scores of all rows on one benchmark should share."""

    flag: str
    aspect: Callable[[Origin], str]
    among: Aspect
    """Only scores with the same value are compared."""


CUT = "cut_questions"
MIXED: dict[str, Aspect] = {
    "mixed_backends": lambda o: (o.backend, o.backend_version),
    "mixed_harness": lambda o: o.lm_eval_version,
    "mixed_base_models": lambda o: o.base,
    "mixed_templates": lambda o: o.chat_template,
}

OTHER: tuple[_Comparison, ...] = (
    _Comparison("other_task_version", lambda o: o.task_version, among=lambda o: None),
    # lm_eval hashes the rendered prompts, so the template and the questions change the hash too.
    _Comparison(
        "other_task_version",
        lambda o: o.task_hash,
        among=lambda o: (o.chat_template, o.questions),
    ),
    _Comparison("other_questions", lambda o: o.questions, among=lambda o: None),
    _Comparison("other_backend_version", lambda o: o.backend_version, among=lambda o: o.backend),
)


def flag_rows(rows: Sequence[Mapping[str, Score]]) -> list[list[str]]:
    """Return the flags of every row, each list sorted.

    Args:
        rows: The scores of each row by benchmark key.
    """
    flags: list[set[str]] = [_own(row) for row in rows]
    for comparison in OTHER:
        usual = _most_common(rows, comparison)
        for found, row in zip(flags, rows, strict=True):
            if any(
                comparison.aspect(score.origin) != usual[key, comparison.among(score.origin)]
                for key, score in row.items()
            ):
                found.add(comparison.flag)
    return [sorted(found) for found in flags]


def _own(row: Mapping[str, Score]) -> set[str]:
    """Return the flags that do not depend on other rows."""
    mixed = {
        flag
        for flag, aspect in MIXED.items()
        if len({aspect(score.origin) for score in row.values()}) > 1
    }
    return mixed | ({CUT} if any(score.n_cut for score in row.values()) else set())


def _most_common(
    rows: Sequence[Mapping[str, Score]], comparison: _Comparison
) -> dict[tuple[str, Hashable], str]:
    """Return the most frequent value by benchmark and group, the newest one in a tie."""
    counts: dict[tuple[str, Hashable], Counter[str]] = defaultdict(Counter)
    newest: dict[tuple[str, Hashable, str], str] = {}
    for row in rows:
        for key, score in row.items():
            among, value = comparison.among(score.origin), comparison.aspect(score.origin)
            counts[key, among][value] += 1
            seen = newest.get((key, among, value), "")
            newest[key, among, value] = max(seen, score.origin.finished_time)
    return {
        (key, among): max(
            counter, key=lambda value: (counter[value], newest[key, among, value], value)
        )
        for (key, among), counter in counts.items()
    }
