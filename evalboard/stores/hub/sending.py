"""One round of sending: all waiting changes become one commit, and each gets its answer."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from evalboard.errors import ConfigError, ConflictError, EvalboardError, StoreError
from evalboard.stores.hub.budget import CommitBudget
from evalboard.stores.hub.cache import is_content
from evalboard.stores.hub.dataset import HubCommit, HubDataset, HubFile
from evalboard.stores.hub.heads import Heads
from evalboard.stores.hub.outbox import Entry, Outbox
from evalboard.stores.hub.responses import HubBusy
from evalboard.stores.hub.snapshot import NO_COMMIT, HubSnapshot
from evalboard.stores.paths import is_content_path
from evalboard.stores.protocol import (
    ABSENT,
    Operation,
    Write,
    blob_id,
    check_expectations,
)
from evalboard.wording import first_few

logger = logging.getLogger(__name__)

MAX_ENTRIES = 100
MAX_BYTES = 64 * 2**20
MAX_LOOK_BACK = 2000
"""Number of commits to search for one whose answer was lost."""
MARKED = re.compile(r"^evalboard-[0-9a-f]{32}$", re.MULTILINE)
"""The line for a change in a commit's description."""


class Batch(NamedTuple):
    """Changes of one commit, and their combined effect."""

    entries: list[Entry]
    operations: list[Operation]
    """One operation for each path that will differ from the head."""


class Sender:
    """Sends the changes in an outbox. The caller holds `Outbox.sending`."""

    def __init__(
        self,
        dataset: HubDataset,
        outbox: Outbox,
        heads: Heads,
        budget: CommitBudget,
        snapshot_at: Callable[[str], HubSnapshot],
    ) -> None:
        self._dataset = dataset
        self._outbox = outbox
        self._heads = heads
        self._budget = budget
        self._snapshot_at = snapshot_at
        self._has_told = False

    def round(self) -> None:
        """Make one commit of all waiting changes that fit into it.

        Raises:
            HubBusy: The outcome is unknown, or nothing was sent. The next round finds out.
        """
        names = _first(self._outbox.waiting())
        try:
            self._send(names)
        except HubBusy:
            raise
        except ConfigError as exc:
            self._answer(names, exc)
        except StoreError as exc:
            if len(names) > 1:
                self._send_alone(names[0])
            else:
                self._answer(names, exc)

    def _send_alone(self, name: str) -> None:
        """Send one change alone: the Hub refused several, and one of them may be the cause."""
        try:
            self._send([name])
        except HubBusy:
            raise
        except EvalboardError as exc:
            self._answer([name], exc)

    def _send(self, names: Sequence[str]) -> None:
        is_open = self._outbox.attempted() is not None
        head = self._heads.newest() if is_open else self._heads.recent()
        if head is None:
            self._dataset.create()
            head = self._heads.newest()
        if head is None:
            raise HubBusy(f"The Hub does not yet know {self._dataset.address!r}.")
        self._settle(head)
        waiting = self._outbox.waiting()
        loaded = [self._outbox.load(name) for name in names if name in waiting]
        batch = self._gather([entry for entry in loaded if entry], head)
        if batch.operations:
            self._push(batch, head)
        elif self._heads.newest() != head:
            self._send(names)
        else:
            self._answer([entry.id for entry in batch.entries], head)

    def _push(self, batch: Batch, head: str) -> None:
        self._outbox.note_attempt(head)
        commit = self._dataset.push(
            batch.operations,
            parent=head,
            message=_title(batch.entries),
            description="\n".join(_mark(entry.id) for entry in batch.entries),
        )
        self._heads.made(commit, parent=head)
        made = list(self._since(head, commit))
        if made and self._is_of(batch, made[0]):
            self._budget.spend()
            problem = self._problem_with(made, batch)
            self._answer([e.id for e in batch.entries], StoreError(problem) if problem else commit)
        self._settle_by(made)

    def _settle(self, head: str) -> None:
        """Answer the changes of a sent commit if the history shows it.

        A commit is made on its parent or never. Once the head has changed, the history between the
        two shows the final outcome.
        """
        parent = self._outbox.attempted()
        if parent is None or parent == head:
            return
        self._settle_by(self._since(parent, head))

    def _settle_by(self, commits: Iterable[HubCommit]) -> None:
        marks = {_mark(name): name for name in self._outbox.waiting()}
        for commit in commits:
            if made := [marks[word] for word in commit.text.split() if word in marks]:
                self._budget.spend()
                self._answer(made, commit.sha)
        self._outbox.settle_attempt()

    def _since(self, parent: str, head: str) -> Iterator[HubCommit]:
        """Yield the commits after `parent`, the newest first."""
        for commit in islice(self._dataset.history(head), MAX_LOOK_BACK):
            if commit.sha == parent:
                return
            yield commit

    def _is_of(self, batch: Batch, commit: HubCommit) -> bool:
        """Return whether the commit that the server has named as the answer was made for a batch.

        The client makes no commit if the newest head already has the same files, even if another
        process made it. The next round then compares the changes with that head.

        Such a commit of another process has its own marks, or a title of its own. A commit with the
        title of the batch and no marks at all was stripped of its description.
        """
        if _mark(batch.entries[0].id) in commit.text:
            return True
        title, _, description = commit.text.partition("\n")
        if title != _title(batch.entries) or MARKED.search(description):
            return False
        if not self._has_told:
            self._has_told = True
            logger.warning(
                "The server of %r does not keep the descriptions of commits. A change whose answer "
                "is lost cannot be found there, and may be taken for one of somebody else. Use "
                "another server, or keep the store in a folder.",
                self._dataset.address,
            )
        return True

    def _problem_with(self, made: list[HubCommit], batch: Batch) -> str:
        """Read a batch back and return the problem with its commit, if any.

        The commit is in the history, whatever comes of reading it back.

        Args:
            made: The commits after its parent, the newest first. The first is the batch's.
            batch: The changes.
        """
        if len(made) > 1:
            return (
                f"The server of {self._dataset.address!r} commits without comparing the parent "
                "commit, so changes can be lost. Use another server, or keep the store in a folder."
            )
        try:
            there = self._snapshot_at(made[0].sha).locate([o.path for o in batch.operations])
        except StoreError as exc:
            logger.warning("A change was made, and could not be read back: %s", exc.message)
            return ""
        wrong = [o.path for o in batch.operations if _differs(o, there.get(o.path))]
        if not wrong:
            return ""
        return (
            f"File {wrong[0]!r} in {self._dataset.address!r} differs from what was written. Check "
            "the repository's .gitignore and .gitattributes, then write again."
        )

    def _gather(self, entries: Sequence[Entry], head: str) -> Batch:
        """Return the changes that fit on top of the head. Answer the others with a conflict.

        A change with a parent comes first, because no other change may precede it.
        """
        paths = {operation.path for entry in entries for operation in entry.operations}
        there = self._snapshot_at(head).locate(sorted(paths))
        state = {path: file.blob for path, file in there.items() if file}
        batch: list[Entry] = []
        changes: dict[str, Operation] = {}
        for entry in sorted(entries, key=lambda entry: entry.parent is None):
            try:
                if entry.parent is not None:
                    self._check_parent(entry.parent, head)
                    if batch:
                        continue
                check_expectations(entry.operations, state, self._dataset.address)
            except ConflictError as exc:
                self._answer([entry.id], exc)
                continue
            batch.append(entry)
            for operation in entry.operations:
                changes[operation.path] = operation
                state[operation.path] = _blob_after(operation)
        return Batch(batch, [c for c in changes.values() if _differs(c, there.get(c.path))])

    def _check_parent(self, parent: str, head: str) -> None:
        if parent == head:
            return
        if parent == NO_COMMIT and not any(map(is_content_path, self._dataset.tree(head))):
            return
        raise ConflictError(
            f"Store {self._dataset.address!r} moved from revision {parent[:8]} to {head[:8]}."
        )

    def _answer(self, names: Sequence[str], outcome: str | EvalboardError) -> None:
        for name in names:
            self._outbox.answer(name, outcome)


def _first(waiting: dict[str, int]) -> list[str]:
    """Return the oldest changes that fit into one commit, at least one."""
    names: list[str] = []
    total = 0
    for name, size in waiting.items():
        if names and (len(names) == MAX_ENTRIES or total + size > MAX_BYTES):
            break
        names.append(name)
        total += size
    return names


def _mark(name: str) -> str:
    """Return the line for a change in a commit's description."""
    return f"evalboard-{name.rpartition('-')[2]}"


def _title(entries: Sequence[Entry]) -> str:
    return first_few([entry.message or "change" for entry in entries], 1)


def _blob_after(operation: Operation) -> str:
    return blob_id(operation.content) if isinstance(operation, Write) else ABSENT


def _differs(operation: Operation, file: HubFile | None) -> bool:
    """Return whether an operation would change the file."""
    if not isinstance(operation, Write):
        return file is not None
    return file is None or not is_content(file, operation.content)
