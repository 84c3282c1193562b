"""One row per model: the attempts at it, merged benchmark by benchmark."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from evalboard.board.blind import Blind, answers_without_questions
from evalboard.board.flags import BLIND, flag_rows, flags_in_words, flags_of_orders
from evalboard.board.scores import Score, mean_of, read_score
from evalboard.board.statistics import normalise, weighted_mean
from evalboard.containing import contained
from evalboard.errors import EvalboardError
from evalboard.identity import RowIdentity, row_identity
from evalboard.records.in_words import InWords
from evalboard.records.result import ModelConfig, ResultDocument
from evalboard.records.robustness import Robustness
from evalboard.records.robustness import mean_of as mean_robustness
from evalboard.suites.model import Suite


class Row(NamedTuple):
    """One row of the board."""

    identity: RowIdentity
    config: ModelConfig
    """Value from the newest document that gives the row a score."""
    finished_time: str
    """When that document was finished; UTC, ISO 8601."""
    scores: dict[str, Score]
    """By benchmark key, in the suite's order; a benchmark without a score is absent."""
    flags: list[str]
    average: float | None
    """Mean over the benchmarks that count in the suite's average, a fraction in [0, 1]. None if one
    of their scores is missing.
    """
    in_words: InWords | None
    """Means of the figures of its answers in words, None without such answers."""
    robustness: Robustness | None
    """Means of the figures of its benchmarks that ask their questions several times, None without."""
    complete: bool
    """Whether every benchmark of the suite has a score."""
    ranked: bool
    """Whether the row has an average and what the suite asks of a row with a rank."""
    points_over: Mapping[str, float] = {}
    """Differences to the model's scores on the compared suite, in percentage points: by benchmark
    key, where both answered as many questions, and `average`, where that is so of every benchmark
    that counts in it.
    """
    former_names: tuple[str, ...] = ()
    """Names that the model had before, sorted; its documents may be stored under them."""
    blind: Blind = Blind()
    """Its answers without the questions, compared with those of the other rows."""
    likes: int | None = None
    """Hearts of the model on the Hub; None if they are not known."""


class Attempt(NamedTuple):
    """What a document gives to a suite's board."""

    identity: RowIdentity
    config: ModelConfig
    finished_time: str
    """UTC, ISO 8601."""
    scores: dict[str, Score]
    """By benchmark key, at least one."""
    former_names: tuple[str, ...] = ()
    """Names that the model had before, which notices tell and no document."""


def read_attempt(document: ResultDocument, suite: Suite) -> Attempt | None:
    """Return what a document gives to a suite's board, None if that is no score.

    That is so with documents of other suites, and with one whose scores cannot be read: the log
    contains the reason.
    """
    if document.evalboard.suite != suite.name:
        return None
    identity, time = row_identity(document.config.choice), document.evalboard.finished_time
    found = contained(
        partial(_scores, document, suite),
        f"Reading the scores of {identity.model!r} from {time!r}",
    )
    if isinstance(found, EvalboardError) or not found:
        return None
    return Attempt(identity, document.config, time, found)


def read_attempts(documents: Iterable[ResultDocument], suite: Suite) -> list[Attempt]:
    """Return what each document gives, without those that give nothing."""
    return [found for document in documents if (found := read_attempt(document, suite))]


def build_rows(documents: Iterable[ResultDocument], suite: Suite) -> list[Row]:
    """Return the rows of documents; see `merge_attempts`."""
    return merge_attempts(read_attempts(documents, suite), suite)


def merge_attempts(attempts: Iterable[Attempt], suite: Suite) -> list[Row]:
    """Merge attempts into rows, in the order of each model's first attempt.

    Every benchmark takes its score from the newest attempt that has one (see `read_score`). Of
    attempts from the same second the one listed last counts.
    """
    by_row: dict[RowIdentity, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_row[attempt.identity].append(attempt)
    merged = [_merge(some, suite) for some in by_row.values()]
    scores = [row.scores for row in merged]
    blind = answers_without_questions(scores, suite)
    rows = [row._replace(blind=found) for row, found in zip(merged, blind, strict=True)]
    flags = flag_rows(scores)
    return [
        _judge(row, sorted({*found, *_own_flags(row, suite)}), suite)
        for row, found in zip(rows, flags, strict=True)
    ]


def _own_flags(row: Row, suite: Suite) -> set[str]:
    """Return the flags of what a row's answers say beside the scores."""
    found = flags_of_orders(row.robustness) | ({BLIND} if row.blind.is_suspected else set())
    if suite.generation is None:
        return found
    return found | flags_in_words(row.scores, row.in_words, budget=suite.generation.max_tokens)


def figures_in_words(scores: Mapping[str, Score], suite: Suite) -> InWords | None:
    """Return the means of the figures of answers in words, with the weights of the average.

    They are over the benchmarks that have them. None if no benchmark that counts does.
    """
    known = {key: score.in_words for key, score in scores.items() if score.in_words}
    if not known:
        return None
    weights = suite.weights
    return mean_of(list(known.values()), [weights.get(key, 0) for key in known])


def _judge(row: Row, flags: list[str], suite: Suite) -> Row:
    """Return the row with its flags, and with a rank if they and its scores allow one."""
    is_whole = row.complete or suite.ranked.needs == "averaged"
    is_ranked = row.average is not None and is_whole and set(flags).isdisjoint(suite.ranked.without)
    return row._replace(flags=flags, ranked=is_ranked)


def average(scores: Mapping[str, float], suite: Suite) -> float | None:
    """Return a row's average as its suite makes it, None if a score that counts is missing.

    Args:
        scores: By benchmark key, fractions in [0, 1].
        suite: What the scores are averaged by.
    """
    counting = {key for key, weight in suite.weights.items() if weight}
    return average_of_known(scores, suite) if counting <= scores.keys() else None


def average_of_known(scores: Mapping[str, float], suite: Suite) -> float | None:
    """Return the average over the benchmarks with a score, None if none of them counts."""
    weights = suite.weights
    known = [b for b in suite.benchmarks if weights[b.key] and b.key in scores]
    if not known:
        return None
    is_normalised = suite.average.scores == "normalised"
    values = [
        normalise(scores[b.key], b.baseline) if is_normalised else scores[b.key] for b in known
    ]
    return weighted_mean(values, [weights[b.key] for b in known])


def _scores(document: ResultDocument, suite: Suite) -> dict[str, Score]:
    """Return the valid scores of a document by benchmark key."""
    return {b.key: score for b in suite.benchmarks if (score := read_score(document, b))}


def _merge(attempts: Sequence[Attempt], suite: Suite) -> Row:
    """Return the row of attempts at one model."""
    oldest_first = sorted(attempts, key=lambda attempt: attempt.finished_time)
    chosen: dict[str, Score] = {}
    for attempt in oldest_first:
        chosen |= attempt.scores
    newest = oldest_first[-1]
    scores = {b.key: chosen[b.key] for b in suite.benchmarks if b.key in chosen}
    return Row(
        identity=newest.identity,
        config=newest.config,
        finished_time=newest.finished_time,
        scores=scores,
        flags=[],
        average=average({key: score.value for key, score in scores.items()}, suite),
        in_words=figures_in_words(scores, suite),
        robustness=mean_robustness(score.robustness for score in scores.values()),
        complete=len(scores) == len(suite.benchmarks),
        ranked=False,
        former_names=tuple(sorted({name for one in attempts for name in one.former_names})),
    )
