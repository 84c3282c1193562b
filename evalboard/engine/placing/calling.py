"""What a call of an engine's process can come to, whoever holds the process."""

from collections.abc import Callable
from typing import Any, Protocol

from evalboard.engine.loading.failures import is_fatal, is_out_of_memory
from evalboard.errors import EngineDied, EngineError, OutOfMemory

CALLS_AT_ONCE = 4
"""Two benchmarks, and room for what is asked beside them."""
POLL_SECONDS = 2.0
OnWait = Callable[[], None]


class NoAnswer(Exception):
    """Raised when a process gives no answer in time."""


class ProcessEnded(Exception):
    """Raised when a process ended without an answer.

    Args:
        kind: Of the failure.
        why: In words.
    """

    def __init__(self, kind: type[EngineError], why: str) -> None:
        super().__init__(kind, why)
        self.kind = kind
        self.why = why


class Unforeseen(Exception):
    """Raised when a method of the engine raised what is no error of the project.

    Args:
        kind: Of the failure: `EngineError` where the engine can go on.
        what: The error's name and message.
    """

    def __init__(self, kind: type[EngineError], what: str) -> None:
        super().__init__(kind, what)
        self.kind = kind
        self.what = what


class EngineTransport(Protocol):
    """An engine's process, from outside."""

    def settle(self, seconds: float, on_wait: OnWait | None) -> None:
        """Wait until the process has its place.

        Raises:
            NoAnswer: It has none in time.
            ProcessEnded: It ended.
            Unforeseen: It cannot start.
        """
        ...

    def call(
        self, method: str, args: tuple[Any, ...], seconds: float, on_wait: OnWait | None
    ) -> Any:
        """Call a method, and `on_wait` every two seconds until the answer is there.

        Raises:
            NoAnswer: There is none in time.
            ProcessEnded: The process ended.
            Unforeseen: The method raised what is no error of the project.
            EvalboardError: What the method raised.
        """
        ...

    def end(self) -> None:
        """End the process and free what it held."""
        ...


def unforeseen(exc: BaseException) -> Unforeseen:
    """Return what an engine's library raised, sorted."""
    kind = EngineError
    if is_out_of_memory(exc):
        kind = OutOfMemory
    elif is_fatal(exc):
        kind = EngineDied
    return Unforeseen(kind, f"{type(exc).__name__}: {exc}")
