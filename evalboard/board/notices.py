"""What the operator's notices change on the board, and copies that are found. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from evalboard.board.rows import Attempt, Row
from evalboard.records.notice import Notice, NoticeKind
from evalboard.suites.model import Suite

MARKS = frozenset({NoticeKind.FLAGGED, NoticeKind.RENAMED, NoticeKind.COPY})
"""Kinds that a row has among its flags."""
_FACTS = {NoticeKind.MERGE: "merged", NoticeKind.MIXTURE: "moe"}
"""What a row says of its model, by the kind that says it too."""


def noticed(attempts: Iterable[Attempt], notices: Sequence[Notice]) -> list[Attempt]:
    """Return the attempts at models that are not hidden, with what the notices say of the models."""
    if not notices:
        return list(attempts)
    kinds = [(attempt, _kinds(attempt.identity.model, notices)) for attempt in attempts]
    return [_said(attempt, of) for attempt, of in kinds if NoticeKind.HIDDEN not in of]


def marked(rows: Sequence[Row], notices: Sequence[Notice], suite: Suite) -> list[Row]:
    """Return the rows with the marks of the notices. A flagged row has no rank."""
    return [_marked(row, _kinds(row.identity.model, notices) & MARKS, suite) for row in rows]


def find_copies(rows: Iterable[Row]) -> list[Notice]:
    """Return a notice for each model whose weights an earlier model has under another name.

    Weights are the same if the hashes of all their files are. The model that was submitted first counts
    as the original, which only their owners can know.
    """
    by_weights: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in rows:
        if row.config.weights_digest:
            submitted = row.config.submitted_time or row.finished_time
            by_weights[row.config.weights_digest].add((submitted, row.identity.model))
    found: dict[str, str] = {}
    for known in by_weights.values():
        (_, first), *others = sorted(known)
        found |= {model: first for _, model in others if model != first}
    return [
        Notice(model=model, kind=NoticeKind.COPY, reason=f"The same weights as {first}")
        for model, first in sorted(found.items())
    ]


def shown_notices(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    """Return the notices that readers see: hidden models are not named."""
    return tuple(notice for notice in notices if notice.kind is not NoticeKind.HIDDEN)


def _kinds(model: str, notices: Iterable[Notice]) -> set[NoticeKind]:
    return {notice.kind for notice in notices if notice.is_about(model)}


def _said(attempt: Attempt, kinds: set[NoticeKind]) -> Attempt:
    facts = {fact: True for kind, fact in _FACTS.items() if kind in kinds}
    if not facts:
        return attempt
    return attempt._replace(config=attempt.config.model_copy(update=facts))


def _marked(row: Row, kinds: set[NoticeKind], suite: Suite) -> Row:
    if not kinds:
        return row
    flags = sorted({*row.flags, *map(str, kinds)})
    may_rank = NoticeKind.FLAGGED not in kinds and set(flags).isdisjoint(suite.ranked.without)
    return row._replace(flags=flags, ranked=row.ranked and may_rank)
