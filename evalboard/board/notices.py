"""What the operator's notices change on the board, and copies that are found. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from evalboard.board.rows import Attempt, Row
from evalboard.records.hub_state import HubState
from evalboard.records.notice import Notice, NoticeKind, Renames
from evalboard.suites.model import Suite

MARKS = frozenset({NoticeKind.FLAGGED, NoticeKind.COPY, NoticeKind.NOT_ON_HUB})
"""Kinds that a row has among its flags."""
_FACTS = {NoticeKind.MERGE: "merged", NoticeKind.MIXTURE: "moe"}
"""What a row says of its model, by the kind that says it too."""


def noticed(attempts: Iterable[Attempt], notices: Sequence[Notice]) -> list[Attempt]:
    """Return the attempts at models that are not hidden, with what the notices say of the models.

    Attempts at a renamed model have its new name, and what was said under any of its names.
    """
    if not notices:
        return list(attempts)
    renames, kinds = Renames(notices), _kinds_by_model(notices)
    named = [_renamed(attempt, renames) for attempt in attempts]
    found = [(attempt, kinds[attempt.identity.model.casefold()]) for attempt in named]
    return [_said(attempt, of) for attempt, of in found if NoticeKind.HIDDEN not in of]


def marked(rows: Sequence[Row], notices: Sequence[Notice], suite: Suite) -> list[Row]:
    """Return the rows with the marks of the notices. A flagged row has no rank."""
    kinds = _kinds_by_model(notices)
    return [_marked(row, kinds[row.identity.model.casefold()] & MARKS, suite) for row in rows]


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


def find_missing(rows: Iterable[Row], states: Iterable[HubState]) -> list[Notice]:
    """Return a notice for each model of the rows that the Hub had and has no more."""
    missing = {state.model: state.missing_since for state in states if state.missing_since}
    models = sorted({row.identity.model for row in rows} & missing.keys())
    return [
        Notice(model=model, kind=NoticeKind.NOT_ON_HUB, time=missing[model]) for model in models
    ]


def liked(rows: Sequence[Row], states: Iterable[HubState]) -> list[Row]:
    """Return the rows with the hearts of their models."""
    likes = {state.model: state.likes for state in states}
    return [row._replace(likes=likes.get(row.identity.model)) for row in rows]


def shown_notices(notices: Sequence[Notice]) -> tuple[Notice, ...]:
    """Return the notices that readers see, under the names that the models have now.

    Hidden models are not named. A notice on a new name keeps the old one.
    """
    renames, kinds = Renames(notices), _kinds_by_model(notices)
    shown: list[Notice] = []
    for notice in notices:
        now = renames.current(notice.model)
        if NoticeKind.HIDDEN not in kinds[now.casefold()]:
            key = "new_name" if notice.kind is NoticeKind.RENAMED else "model"
            shown.append(notice.model_copy(update={key: now}))
    return tuple(shown)


def _kinds_by_model(notices: Sequence[Notice]) -> Mapping[str, set[NoticeKind]]:
    """Return what is said of each model, by the case-folded name that it has now."""
    renames = Renames(notices)
    kinds: dict[str, set[NoticeKind]] = defaultdict(set)
    for notice in notices:
        kinds[renames.current(notice.model).casefold()].add(notice.kind)
    return kinds


def _renamed(attempt: Attempt, renames: Renames) -> Attempt:
    """Return an attempt under the name that its model has now."""
    *former, name = renames.names(attempt.identity.model)
    if not former:
        return attempt
    return attempt._replace(
        identity=attempt.identity._replace(model=name),
        config=attempt.config.model_copy(update={"model_name": name}),
        former_names=tuple(former),
    )


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
