"""The claims of this process, and how it hands them back if it ends before its runs do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import NamedTuple

from evalboard.containing import contained
from evalboard.errors import EvalboardError
from evalboard.lifecycle import hand_back, is_claimed_by, move
from evalboard.records.request import RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder


class Held(NamedTuple):
    """A request that a run of this process has claimed, or is about to."""

    path: str
    settings: Settings


class HandedBack(NamedTuple):
    """What became of a request."""

    path: str
    status: Status | None
    """The new status, None if the request is not changed."""
    problem: str = ""
    """Why it could not be changed."""


_held: dict[tuple[str, str], Held] = {}
"""By run and path: a run has two while it closes one request and goes on with the next."""


@contextmanager
def held_until_claimed(run_id: str, path: str, settings: Settings) -> Iterator[None]:
    """Claim a request in this context. A claim that fails is not held."""
    _held[run_id, path] = Held(path, settings)
    try:
        yield
    except Exception:
        let_go(run_id, path)
        raise


def let_go(run_id: str, path: str) -> None:
    """Hold a request of a run no more, after the run has ended it."""
    _held.pop((run_id, path), None)


def hand_back_all(
    why: str, *, now: datetime, is_cancelled: Callable[[str], bool] = lambda _: False
) -> list[HandedBack]:
    """Hand back every request that this process has claimed. The answers stay where they are.

    Args:
        why: What ends this process, for the requests' histories.
        now: The current time.
        is_cancelled: Returns whether a person has cancelled a run. Its request is then CANCELLED.
            The others become PENDING.
    """
    done: list[HandedBack] = []
    while _held:
        (run_id, _), held = _held.popitem()
        work = partial(_hand_back, run_id, held, why, now=now, is_cancelled=is_cancelled)
        outcome = contained(work, f"The return of {held.path!r}")
        if isinstance(outcome, EvalboardError):
            outcome = HandedBack(held.path, None, outcome.message)
        done.append(outcome)
    return done


def _hand_back(
    run_id: str, held: Held, why: str, *, now: datetime, is_cancelled: Callable[[str], bool]
) -> HandedBack:
    cancelled = is_cancelled(run_id)
    owned = False

    def decide(record: RequestRecord) -> RequestRecord:
        nonlocal owned
        owned = is_claimed_by(record, run_id)
        if not owned:
            return record
        if cancelled:
            return move(record, Status.CANCELLED, now=now, reason=f"run {run_id} was cancelled")
        return hand_back(record, now=now, reason=f"{why}; the answers so far are kept")

    # It takes half a second to import, which every program that claims something has done before.
    from evalboard.stores.addresses import open_own_queue

    queue = open_own_queue(held.settings)
    record = queue.change(held.path, decide, message=f"hand back {held.path}")
    if owned:
        WorkFolder(held.settings.work_folder).note_pause(held.path)
    return HandedBack(held.path, record.status if owned else None)
