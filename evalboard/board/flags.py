"""Marks on rows whose scores were measured in different ways.

The columns of the board show precision, weight type, base model, template, backend and lm_eval
version of a row. The marks show what columns cannot: scores within a row that differ in how they
were measured (`mixed_…`), scores that were measured in another way than those of most rows
(`other_…`), questions that were too long for the model (`cut_questions`), and answers that ended while
the model was still thinking (`unfinished_thinking`).
"""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache, partial
from operator import attrgetter
from typing import NamedTuple

from evalboard.board.scores import Origin, Score, origins_of
from evalboard.records.in_words import InWords
from evalboard.records.robustness import Robustness

Aspect = Callable[[Origin], Hashable]
Measured = tuple[str, Origin]
"""The key of a benchmark, and how a score on it was measured."""


class _Comparison(NamedTuple):
    """A property that the scores of all rows on one benchmark should share."""

    flag: str
    aspect: Callable[[Origin], str]
    among: Aspect
    """Only scores with the same value are compared."""


LACKING: dict[str, Callable[[Score], int]] = {
    "cut_questions": attrgetter("n_cut"),
    "unfinished_thinking": attrgetter("n_unfinished"),
}
"""By flag, how to count the questions that lack something."""
MIXED: dict[str, Aspect] = {
    "mixed_backends": lambda o: (o.backend, o.backend_version),
    "mixed_harness": lambda o: o.lm_eval_version,
    "mixed_readers": lambda o: o.reader,
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
    _Comparison("other_reader", lambda o: o.reader, among=lambda o: None),
    _Comparison("other_backend_version", lambda o: o.backend_version, among=lambda o: o.backend),
)


FORMAT_OR_LIMIT = "format_or_limit"
"""Flag of a row whose answers in words say as much of the form and of the limit as of knowledge."""
SUSPECTED = "suspected_contamination"
"""Flag of a row that answers better where the choices are in the order of the data set."""
BLIND = "answers_without_question"
"""Flag of a row that finds right choices without the question more often than the other rows."""
LARGEST_CHANCE_Z = 3.09
"""Standard errors that one in a thousand clean models exceeds."""
SMALL_BUDGET = "small_budget"
"""Flag of a row with answers in words that could have fewer tokens than the suite gives them."""
LEAST_READ, MOST_UNFINISHED = 0.9, 0.05


def flags_in_words(row: Mapping[str, Score], figures: InWords | None, *, budget: int) -> set[str]:
    """Return the flags of a row's answers in words.

    Args:
        row: Its scores by benchmark key.
        figures: Their means, None if there are none.
        budget: Tokens that the suite gives an answer.
    """
    found: set[str] = set()
    if figures and (figures.read < LEAST_READ or figures.unfinished > MOST_UNFINISHED):
        found.add(FORMAT_OR_LIMIT)
    written = [score for score in row.values() if score.in_words]
    if any(score.budget is not None and score.budget < budget for score in written):
        found.add(SMALL_BUDGET)
    return found


def flags_of_orders(figures: Robustness | None) -> set[str]:
    """Return the flag of a row that answers better in the original order than by chance."""
    z = figures.original_z if figures else None
    return {SUSPECTED} if z is not None and z > LARGEST_CHANCE_Z else set()


def flag_rows(rows: Sequence[Mapping[str, Score]]) -> list[list[str]]:
    """Return the flags of every row, each list sorted.

    Args:
        rows: The scores of each row by benchmark key.
    """
    kinds = [origins_of(row) for row in rows]
    counts: Counter[Measured] = Counter()
    for kind, count in Counter(kinds).items():
        counts.update(dict.fromkeys(kind, count))
    others = _flags_of_others(counts, cache(partial(_newest, rows)))
    known = {kind: _mixed(kind).union(*(others[one] for one in kind)) for kind in set(kinds)}
    return [sorted(_lacking(row) | known[kind]) for row, kind in zip(rows, kinds, strict=True)]


def _lacking(row: Mapping[str, Score]) -> set[str]:
    scores = row.values()
    return {flag for flag, count in LACKING.items() if any(map(count, scores))}


def _mixed(kind: Sequence[Measured]) -> set[str]:
    """Return the flags of scores that were measured in several ways, given with their benchmarks."""
    origins = [origin for _, origin in kind]
    return {
        flag for flag, aspect in MIXED.items() if len({aspect(origin) for origin in origins}) > 1
    }


def _newest(rows: Sequence[Mapping[str, Score]]) -> dict[Measured, str]:
    """Return when the newest of the scores was finished that were measured in each way."""
    newest: dict[Measured, str] = {}
    for row in rows:
        for key, score in row.items():
            measured = key, score.origin
            newest[measured] = max(newest.get(measured, ""), score.finished_time)
    return newest


def _flags_of_others(
    counts: Mapping[Measured, int], newest: Callable[[], Mapping[Measured, str]]
) -> dict[Measured, set[str]]:
    """Return the flags of scores that were measured in a way, where most were in another."""
    found: dict[Measured, set[str]] = {measured: set() for measured in counts}
    for comparison in OTHER:
        usual = _most_common(counts, newest, comparison)
        for (key, origin), flags in found.items():
            if comparison.aspect(origin) != usual[key, comparison.among(origin)]:
                flags.add(comparison.flag)
    return found


def _most_common(
    counts: Mapping[Measured, int],
    newest: Callable[[], Mapping[Measured, str]],
    comparison: _Comparison,
) -> dict[tuple[str, Hashable], str]:
    """Return the most frequent value by benchmark and group, the newest one in a tie."""
    found: dict[tuple[str, Hashable], dict[str, list[Measured]]] = {}
    for measured in counts:
        key, origin = measured
        values = found.setdefault((key, comparison.among(origin)), {})
        values.setdefault(comparison.aspect(origin), []).append(measured)
    return {group: _usual(values, counts, newest) for group, values in found.items()}


def _usual(
    values: Mapping[str, Sequence[Measured]],
    counts: Mapping[Measured, int],
    newest: Callable[[], Mapping[Measured, str]],
) -> str:
    """Return which value most scores have, given how the scores with each were measured."""
    sizes = {value: sum(counts[one] for one in having) for value, having in values.items()}
    tied = [value for value, size in sizes.items() if size == max(sizes.values())]
    if len(tied) == 1:
        return tied[0]
    times = newest()
    return max(tied, key=lambda value: (max(times[one] for one in values[value]), value))
