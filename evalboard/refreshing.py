"""Ask the Hub about the models of the board: their hearts, and whether it still has them.

The answers are kept in the results store, from which boards are built.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from evalboard.errors import ModelGated, ModelNotFound, StoreError
from evalboard.hub_client import hub_api
from evalboard.records.hub_state import HubState
from evalboard.records.notice import Renames
from evalboard.records.times import timestamp
from evalboard.repositories.hub_reading import HubSummary, read_summary
from evalboard.repositories.lookup import is_offline
from evalboard.repositories.names import FOLDERS, is_board_name
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_hub_states, open_notices

logger = logging.getLogger(__name__)

MOST_FAILURES = 3
"""Models in a row for which the Hub gives no answer, after which it is not asked again."""


class Refreshed(NamedTuple):
    """What the Hub has said. Models are listed by name, sorted."""

    asked: int
    """Number of models with results that may be on the Hub."""
    unanswered: tuple[str, ...]
    """Models for which it gave no answer; what was known of them stays."""
    gone: tuple[str, ...]
    """Models that it has no more, and had the last time."""
    found_again: tuple[str, ...]
    """Models that it has again."""
    renamed: tuple[tuple[str, str], ...]
    """Models that have another name there, with that name."""
    changed: bool
    """Whether anything is otherwise than the last time."""


def refresh_models(settings: Settings, *, now: datetime) -> Refreshed | None:
    """Ask the Hub about every model with results, and keep what it says.

    A model that the Hub has never had, such as one from a folder, is not kept: it cannot be gone.

    Returns:
        None if the Hub is not used (offline).

    Raises:
        RecordError: A file of the results store is damaged.
        StoreError: The results store cannot be read or written.
    """
    if is_offline(settings):
        return None
    book, models = open_hub_states(settings), _models(settings)
    before = {state.model: state for state in book.read()}
    answers = _ask(models, settings)
    known = {model: before.get(model) for model in models}
    known |= {m: _after(before.get(m), m, answer, timestamp(now)) for m, answer in answers.items()}
    states = {model: state for model, state in known.items() if state}
    book.change(lambda _: tuple(states.values()), message="what the Hub says of the models")
    return Refreshed(
        asked=len(models),
        unanswered=tuple(model for model in models if model not in answers),
        gone=_turned(states, before),
        found_again=_turned(before, states),
        renamed=tuple(
            (model, answer.name)
            for model, answer in answers.items()
            if answer and answer.name.casefold() != model.casefold()
        ),
        changed=states != before,
    )


def _models(settings: Settings) -> list[str]:
    """Return the names of all models with results, sorted, without those that are folders here."""
    renames = Renames(open_notices(settings).read())
    measured = {"/".join(path.split("/")[:2]) for path in open_archive(settings).paths()}
    names = sorted({renames.current(model) for model in measured if is_board_name(model)})
    return [name for name in names if not _is_folder(name, settings)]


def _is_folder(model: str, settings: Settings) -> bool:
    in_mirror = settings.models is not None and (settings.models / model).is_dir()
    return in_mirror or model.startswith(FOLDERS)


def _ask(models: Iterable[str], settings: Settings) -> dict[str, HubSummary | None]:
    """Return the Hub's answers by model, None where it has no such model."""
    api = hub_api(settings.hub_endpoint, settings.token)
    answers: dict[str, HubSummary | None] = {}
    failures = 0
    for model in models:
        try:
            answers[model] = read_summary(api, model)
            failures = 0
        except ModelGated:
            answers[model] = HubSummary(model, None)
        except ModelNotFound:
            answers[model] = None
        except StoreError as exc:
            failures += 1
            logger.warning("%s", exc.message)
            if failures == MOST_FAILURES:
                break
    return answers


def _after(
    before: HubState | None, model: str, answer: HubSummary | None, now: str
) -> HubState | None:
    """Return what is known of a model after an answer, None if the Hub has never had it."""
    if answer:
        likes = answer.likes if answer.likes is not None else before and before.likes
        return HubState(model=model, likes=likes)
    if before and not before.missing_since:
        return before.model_copy(update={"missing_since": now})
    return before


def _turned(states: Mapping[str, HubState], earlier: Mapping[str, HubState]) -> tuple[str, ...]:
    """Return the models that are missing in some states and were not in earlier ones."""
    return tuple(
        model
        for model, state in states.items()
        if state.missing_since and model in earlier and not earlier[model].missing_since
    )
