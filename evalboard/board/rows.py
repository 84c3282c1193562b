"""One row per model: the documents of its attempts, merged benchmark by benchmark."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

from evalboard.board.flags import flag_rows
from evalboard.board.scores import Score, read_score
from evalboard.board.statistics import unweighted_mean
from evalboard.containing import contained
from evalboard.errors import EvalboardError
from evalboard.identity import RowIdentity, row_identity
from evalboard.records.result import ModelConfig, ResultDocument
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
    """Unweighted mean over all benchmarks of the suite, a fraction in [0, 1]. None if a score is
    missing.
    """

    @property
    def complete(self) -> bool:
        """Whether every benchmark of the suite has a score."""
        return self.average is not None


def build_rows(documents: Iterable[ResultDocument], suite: Suite) -> list[Row]:
    """Merge documents into rows, in the order of each model's first document.

    Every benchmark takes its score from the newest document with a valid score (see `read_score`).
    Of documents from the same second the one listed last counts. Documents of other suites and
    models without any score are omitted, and so is a document whose scores cannot be read: the log
    contains the reason.
    """
    drafts = [
        _merge(identity, attempts, suite)
        for identity, attempts in _attempts(documents, suite).items()
    ]
    rows = [row for row in drafts if row is not None]
    flags = flag_rows([row.scores for row in rows])
    return [row._replace(flags=found) for row, found in zip(rows, flags, strict=True)]


def _attempts(
    documents: Iterable[ResultDocument], suite: Suite
) -> dict[RowIdentity, list[ResultDocument]]:
    """Return the suite's documents by row, oldest first."""
    attempts: dict[RowIdentity, list[ResultDocument]] = defaultdict(list)
    for document in documents:
        if document.evalboard.suite == suite.name:
            attempts[row_identity(document.config.choice)].append(document)
    for found in attempts.values():
        found.sort(key=lambda document: document.evalboard.finished_time)
    return attempts


def _scores(document: ResultDocument, suite: Suite) -> dict[str, Score]:
    """Return the valid scores of a document by benchmark key."""
    return {b.key: score for b in suite.benchmarks if (score := read_score(document, b))}


def _merge(identity: RowIdentity, attempts: Sequence[ResultDocument], suite: Suite) -> Row | None:
    """Return the row of documents listed oldest first, None if they contain no score."""
    chosen: dict[str, Score] = {}
    newest: ResultDocument | None = None
    for document in attempts:
        found = contained(
            partial(_scores, document, suite),
            f"Reading the scores of {identity.model!r} from {document.evalboard.finished_time!r}",
        )
        if isinstance(found, EvalboardError):
            continue
        chosen |= found
        newest = document if found else newest
    if newest is None:
        return None
    scores = {b.key: chosen[b.key] for b in suite.benchmarks if b.key in chosen}
    complete = len(scores) == len(suite.benchmarks)
    return Row(
        identity=identity,
        config=newest.config,
        finished_time=newest.evalboard.finished_time,
        scores=scores,
        flags=[],
        average=unweighted_mean([s.value for s in scores.values()]) if complete else None,
    )
