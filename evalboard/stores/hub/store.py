"""The store protocol over a dataset repository on the Hub."""

import random
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from evalboard.errors import EvalboardError, StoreUnreachable
from evalboard.stores.hub.budget import CommitBudget
from evalboard.stores.hub.cache import Cache
from evalboard.stores.hub.dataset import HubDataset
from evalboard.stores.hub.files import folder_errors
from evalboard.stores.hub.heads import Heads
from evalboard.stores.hub.outbox import Outbox
from evalboard.stores.hub.responses import HubBusy
from evalboard.stores.hub.sending import Sender
from evalboard.stores.hub.snapshot import NO_COMMIT, HubSnapshot
from evalboard.stores.hub.waiting import Patience
from evalboard.stores.paths import check_path
from evalboard.stores.protocol import Operation
from evalboard.wording import duration

COMMITS_PER_HOUR = 100
COMMIT_PATIENCE_SECONDS = 600.0
LONGEST_NAP_SECONDS = 1.0
TURN_SECONDS = 0.03
"""Interval between checks whether another process has sent the change."""


class HubStore:
    """A store in a dataset repository. The first write creates a private repository.

    Args:
        dataset: The repository.
        folder: Folder of this machine for stores on the Hub. All processes on a machine use the
            same
        folder: they share a cache, a budget of commits and the unsent changes.
        commits_per_hour: Limit of commits from this folder in any hour.
        patience: Time for tries to commit, in seconds, in addition to waits for the budget or the
            Hub.
    """

    def __init__(
        self,
        dataset: HubDataset,
        folder: Path,
        *,
        commits_per_hour: int = COMMITS_PER_HOUR,
        patience: float = COMMIT_PATIENCE_SECONDS,
    ) -> None:
        self._dataset = dataset
        self._folder = folder / (urlsplit(dataset.endpoint).netloc or "hub") / dataset.name
        self._cache = Cache(self._folder)
        self._outbox = Outbox(self._folder / "outbox")
        self._heads = Heads(dataset, self._folder)
        self._budget = CommitBudget(self._folder / "budget.json", commits_per_hour)
        self._latest: HubSnapshot | None = None
        self._sender = Sender(dataset, self._outbox, self._heads, self._budget, self._snapshot_at)
        self._patience = patience

    @property
    def address(self) -> str:
        """The `hf://` address."""
        return self._dataset.address

    def why_absent(self) -> str:
        """Return why there is nothing to read; see `Store.why_absent`."""
        if self._heads.recent() is not None:
            return ""
        return (
            f"{self._dataset.endpoint} has no dataset {self.address!r} yet, or this token has no "
            "access to it."
        )

    def snapshot(self, under: str = "") -> HubSnapshot:
        """Return the newest state. A missing repository is an empty store.

        Unsent changes of dead processes are sent first. Nothing is listed before it is asked for,
        so it makes no difference which folder is needed.
        """
        with folder_errors(self._folder):
            self._send_what_was_left()
            self._latest = self._snapshot_at(self._heads.newest() or NO_COMMIT)
            return self._latest

    def commit(
        self, operations: Sequence[Operation], *, message: str, parent: str | None = None
    ) -> str:
        """Apply all operations as one change; see `Store.commit`."""
        for operation in operations:
            check_path(operation.path)
        with (
            folder_errors(self._folder),
            self._outbox.entering(operations, message, parent) as name,
        ):
            self._deliver(name)
            return self._outbox.take_answer(name)

    def _snapshot_at(self, revision: str) -> HubSnapshot:
        """Return a commit's files, or the latest snapshot if it is of the same commit."""
        if self._latest and self._latest.revision == revision:
            return self._latest
        return HubSnapshot(self._dataset, self._cache, revision)

    def _deliver(self, name: str) -> None:
        """Send, or wait for other processes to send, until a change has its answer.

        Raises:
            StoreUnreachable: The change has no answer in time and is withdrawn.
        """
        patience = Patience(self._patience)
        problem = "the sending process does not finish."
        while not self._outbox.is_answered(name):
            if patience.is_over:
                self._withdraw(name, problem)
                return
            if wait := self._budget.wait_seconds():
                reason = f"The next commit to {self.address!r} can be made in {duration(wait)}."
                patience.grant(min(wait, LONGEST_NAP_SECONDS), reason)
                continue
            with self._outbox.sending() as mine:
                busy = self._round() if mine and not self._outbox.is_answered(name) else None
            if busy:
                problem = busy.message
                patience.pause(problem)
            elif not mine:
                time.sleep(random.uniform(0.5, 1.5) * TURN_SECONDS)

    def _round(self) -> HubBusy | None:
        """Send once. Return the Hub's message if the outcome is unknown."""
        try:
            self._sender.round()
        except HubBusy as exc:
            if exc.wait:
                self._budget.hold(exc.wait)
            return exc
        return None

    def _withdraw(self, name: str, problem: str) -> None:
        with self._outbox.sending(wait=True):
            if self._outbox.is_answered(name):
                return
            self._outbox.withdraw(name)
        raise StoreUnreachable(
            f"Store {self.address!r} could not be written within {self._patience:.0f} seconds: "
            f"{problem} Nothing more will be written. Read the store again before the next change."
        )

    def _send_what_was_left(self) -> None:
        if not self._outbox.abandoned() or self._budget.wait_seconds():
            return
        with self._outbox.sending() as mine:
            if mine:
                with suppress(
                    EvalboardError
                ):  # the read continues, and the change stays in the outbox
                    self._sender.round()
