"""The protocol of calls to an engine's process, and their outcomes."""

from collections.abc import Callable
from typing import Any, Protocol

from evalboard.engine.loading.failures import (
    is_fatal,
    is_unfit_machine,
    shortage_in,
    unfit,
)
from evalboard.errors import EngineDied, EngineError, MachineUnfit, OutOfMemory

CALLS_AT_ONCE = 4
"""Number of concurrent calls: two benchmarks, and room for other calls."""
POLL_SECONDS = 2.0
OnWait = Callable[[], None]


class NoAnswer(Exception):
    """Raised when a process does not answer in time."""


class ProcessEnded(Exception):
    """Raised when a process ends without an answer.

    Args:
        kind: Class of the failure.
        why: The reason as text.
    """

    def __init__(self, kind: type[EngineError], why: str) -> None:
        super().__init__(kind, why)
        self.kind = kind
        self.why = why


class Unforeseen(Exception):
    """Raised when a method of the engine raises an error from outside the project.

    Args:
        kind: Class of the failure: `EngineError` if the engine can continue.
        what: The error's name and message.
    """

    def __init__(self, kind: type[EngineError], what: str) -> None:
        super().__init__(kind, what)
        self.kind = kind
        self.what = what


class EngineTransport(Protocol):
    """An engine's process, seen from outside."""

    def settle(self, seconds: float, on_wait: OnWait | None) -> None:
        """Wait until the process has its resources.

        Raises:
            NoAnswer: It has none in time. ProcessEnded: It ended. Unforeseen: It cannot start.
        """
        ...

    def call(
        self, method: str, args: tuple[Any, ...], seconds: float, on_wait: OnWait | None
    ) -> Any:
        """Call a method, and call `on_wait` every two seconds until the answer arrives.

        Raises:
            NoAnswer: There is none in time.
            ProcessEnded: The process ended.
            Unforeseen: The method raised an error from outside the project.
            EvalboardError: The method's own error.
        """
        ...

    def end(self) -> None:
        """End the process and free its resources."""
        ...


def unforeseen(exc: BaseException) -> Unforeseen:
    """Return the classified error of an engine's library."""
    kind, what = EngineError, f"{type(exc).__name__}: {exc}"
    if shortage_in(exc):
        kind = OutOfMemory
    elif is_unfit_machine(exc):
        kind, what = MachineUnfit, unfit(what)
    elif is_fatal(exc):
        kind = EngineDied
    return Unforeseen(kind, what)


def names_the_machine(exc: Exception) -> bool:
    """Return whether an error of a call gives the machine as its cause."""
    return isinstance(exc, MachineUnfit) or (
        isinstance(exc, Unforeseen) and exc.kind is MachineUnfit
    )
