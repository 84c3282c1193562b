"""Kill processes at chosen moments: the supervisor names a moment, the process dies when it is there.

The hooks are put into the store classes of the soak's own processes; the product has none.
"""

import os
import signal
from collections.abc import Callable, MutableSequence
from enum import StrEnum
from typing import Any

from evalboard.errors import ConflictError
from evalboard.stores.hub.dataset import HubDataset
from evalboard.stores.hub.store import HubStore
from evalboard.stores.local import LocalStore
from tests.soak.audit import Audit


class Moment(StrEnum):
    """When a process is killed."""

    ANY = "at any moment"
    CLAIMED = "after its claim"
    BETWEEN = "between two benchmarks"
    CLOSING = "before it stores"
    SENDING = "a change written aside, not committed"
    SENT = "between commit and answer"


MOMENTS: tuple[Moment, ...] = tuple(Moment)


class Doom:
    """Which process is to die when: one number per place, in memory that all processes share."""

    def __init__(self, numbers: MutableSequence[int]) -> None:
        self._numbers = numbers

    def set(self, place: int, moment: Moment | None) -> None:
        """Let the process at a place die at a moment; None: let it live."""
        self._numbers[place] = 0 if moment is None else MOMENTS.index(moment)

    def strikes(self, place: int, moment: Moment) -> bool:
        """Return whether the process at a place is to die now."""
        return moment is not Moment.ANY and self._numbers[place] == MOMENTS.index(moment)


def reaching(doom: Doom, place: int, audit: Audit) -> Callable[[Moment], None]:
    """Return the function that a process calls at every moment; it does not return when doomed."""

    def reach(moment: Moment) -> None:
        if doom.strikes(place, moment):
            audit.note("killed", moment=moment)
            os.kill(os.getpid(), signal.SIGKILL)

    return reach


def watch_stores(reach: Callable[[Moment], None], audit: Audit) -> None:
    """Let every commit of this process pass its moments, and count lost races."""
    push, finish = HubDataset.push, LocalStore._finish_journal

    def watched_push(self: HubDataset, *args: Any, **more: Any) -> str:
        reach(Moment.SENDING)
        commit = push(self, *args, **more)
        reach(Moment.SENT)
        return commit

    def watched_finish(self: LocalStore) -> None:
        reach(Moment.SENDING)
        finish(self)
        reach(Moment.SENT)

    HubDataset.push = watched_push
    LocalStore._finish_journal = watched_finish
    for kind in (LocalStore, HubStore):
        _count_conflicts(kind, audit)


def _count_conflicts(kind: Any, audit: Audit) -> None:
    commit = kind.commit

    def counted(self: Any, *args: Any, **more: Any) -> str:
        try:
            return commit(self, *args, **more)
        except ConflictError:
            audit.note("conflict", store=self.address)
            raise

    kind.commit = counted
