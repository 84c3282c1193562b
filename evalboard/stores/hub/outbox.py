"""Changes on their way to the Hub, on disk. They survive the death of their process.

    waiting/{id}.entry   a change, written durably before anything is sent; its process holds a lock
                         on it, so that one whose process died is recognised
    answers/{id}.json    what became of it
    attempt.json         the parent of a commit that was sent and whose outcome is not known yet
    lock                 held by the one process that sends

The commit that makes a change contains the change's id in its description, so the repository's
history always shows whether the change was made.
"""

import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.errors import (
    ConfigError,
    ConflictError,
    EvalboardError,
    StoreError,
    StoreRefused,
    StoreUnreachable,
)
from evalboard.files import read_state, set_aside, sync_folder, write_state
from evalboard.stores.hub.files import locked, text
from evalboard.stores.paths import is_content_path
from evalboard.stores.protocol import Delete, Operation, Write

UNKNOWN = ""
"""Stands for the parent of a commit when the file that named it was damaged."""
STALE_SECONDS = 24 * 3600.0
ERRORS: dict[str, type[EvalboardError]] = {
    kind.code: kind for kind in (ConfigError, ConflictError, StoreError, StoreRefused)
}


class Entry(NamedTuple):
    """One change."""

    id: str
    message: str
    parent: str | None
    operations: tuple[Operation, ...]


class Outbox:
    """The unsent changes of one store."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting = folder / "waiting"
        self._answers = folder / "answers"
        self._attempt = folder / "attempt.json"

    @contextmanager
    def entering(
        self, operations: Sequence[Operation], message: str, parent: str | None
    ) -> Iterator[str]:
        """Write a change durably, hold its lock, and yield its id."""
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}"
        self._waiting.mkdir(parents=True, exist_ok=True)
        aside = self._waiting / f".{name}"
        with aside.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            header = {
                "message": message,
                "parent": parent,
                "operations": [_described(operation) for operation in operations],
            }
            file.write(json.dumps(header).encode() + b"\n")
            for operation in operations:
                if isinstance(operation, Write):
                    file.write(operation.content)
            file.flush()
            os.fsync(file.fileno())
            aside.rename(self._entry_file(name))
            sync_folder(self._waiting)
            yield name

    def sending(self, *, wait: bool = False) -> AbstractContextManager[bool]:
        """Try to hold the right to send, and yield whether it is held."""
        return locked(self._folder / "lock", wait=wait)

    def waiting(self) -> dict[str, int]:
        """Return the waiting changes, the oldest first, with their sizes in bytes."""
        sizes: dict[str, int] = {}
        for name in self._names():
            try:
                sizes[name] = self._entry_file(name).stat().st_size
            except FileNotFoundError:
                continue
        return sizes

    def abandoned(self) -> bool:
        """Return whether the process of a waiting change is dead."""
        return any(map(self._is_abandoned, self._names()))

    def load(self, name: str) -> Entry | None:
        """Return a waiting change. None if its file is damaged: its process is told so."""
        file = self._entry_file(name)
        content = file.read_bytes()
        try:
            return _entry(name, content)
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            problem = f"{type(exc).__name__}: {exc}"
        damaged = f"The change in {str(file)!r} was damaged and has not been sent. Write again."
        write_state(self._answer_file(name), {"error": StoreError.code, "message": damaged})
        set_aside(file, problem, content)
        return None

    def answer(self, name: str, outcome: str | EvalboardError) -> None:
        """Record the revision with a change, or the reason why it failed, for the waiting process.

        A second answer to a change is ignored.
        """
        if not self._entry_file(name).exists():
            return
        if isinstance(outcome, EvalboardError):
            document = {"error": outcome.code, "message": outcome.message}
        else:
            document = {"revision": outcome}
        write_state(self._answer_file(name), document)
        self.withdraw(name)

    def withdraw(self, name: str) -> None:
        """Withdraw a change."""
        self._entry_file(name).unlink(missing_ok=True)

    def is_answered(self, name: str) -> bool:
        """Return whether the outcome of a change is known."""
        return self._answer_file(name).exists()

    def take_answer(self, name: str) -> str:
        """Return the revision with a change, and delete the answer.

        Raises:
            EvalboardError: The change failed.
        """
        outcome = read_state(self._answer_file(name), _outcome)
        self._answer_file(name).unlink(missing_ok=True)
        if outcome is None:
            raise StoreUnreachable(
                f"What became of a change is not readable in {str(self._answers)!r}. The change may "
                "have been made. Read the store again before the next change."
            )
        if isinstance(outcome, EvalboardError):
            raise outcome
        return outcome

    def attempted(self) -> str | None:
        """Return the parent of a commit whose outcome is not known, `UNKNOWN` if it is lost."""
        if not self._attempt.exists():
            return None
        attempt = read_state(self._attempt, lambda document: text(document["parent"]))
        if attempt is None:
            self.note_attempt(UNKNOWN)
            return UNKNOWN
        return attempt

    def note_attempt(self, parent: str) -> None:
        """Record durably that a commit on this parent is about to be sent."""
        write_state(self._attempt, {"parent": parent}, durable=True)

    def settle_attempt(self) -> None:
        """Record that the outcome is known, and delete the answers of dead processes."""
        self._attempt.unlink(missing_ok=True)
        for path in (*self._waiting.glob(".*"), *self._answers.glob("*")):
            with suppress(FileNotFoundError):  # its process has just taken or renamed it
                if path.stat().st_mtime < time.time() - STALE_SECONDS:
                    path.unlink()

    def _names(self) -> list[str]:
        if not self._waiting.exists():
            return []
        return sorted(p.stem for p in self._waiting.iterdir() if p.suffix == ".entry")

    def _is_abandoned(self, name: str) -> bool:
        try:
            with self._entry_file(name).open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
        except (BlockingIOError, FileNotFoundError):
            return False

    def _entry_file(self, name: str) -> Path:
        return self._waiting / f"{name}.entry"

    def _answer_file(self, name: str) -> Path:
        return self._answers / f"{name}.json"


def _described(operation: Operation) -> tuple[str, int | None, str | None]:
    size = len(operation.content) if isinstance(operation, Write) else None
    return operation.path, size, operation.over


def _entry(name: str, content: bytes) -> Entry:
    """Return a change from its file.

    Raises:
        ValueError: It is not whole. KeyError, TypeError, RecursionError: likewise.
    """
    begin, _, rest = content.partition(b"\n")
    header = json.loads(begin)
    parent = header["parent"]
    operations: list[Operation] = []
    for path, size, over in header["operations"]:
        if not is_content_path(path) or not (over is None or isinstance(over, str)):
            raise ValueError(f"{path!r} is no path of a file in a store")
        if size is None:
            operations.append(Delete(path, over))
        else:
            part, rest = rest[:size], rest[size:]
            if len(part) != size:
                raise ValueError(f"the content of {path!r} is not whole")
            operations.append(Write(path, part, over))
    if rest or not operations:
        raise ValueError("its header does not describe its content")
    return Entry(
        name, text(header["message"]), None if parent is None else text(parent), tuple(operations)
    )


def _outcome(document: dict[str, Any]) -> str | EvalboardError:
    if "error" in document:
        return ERRORS.get(document["error"], StoreError)(text(document["message"]))
    return text(document["revision"])
