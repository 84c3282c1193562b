"""What is made of a board when somebody asks for it, once."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from leaderboard_app.board_data import RankedBoard

T = TypeVar("T")


class Newest(Generic[T]):
    """What is made of the newest board that was asked for. Thread-safe.

    Args:
        make: Makes it of a board. While it does, others who ask wait for the same.
    """

    def __init__(self, make: Callable[[RankedBoard], T]) -> None:
        self._make = make
        self._lock = Lock()
        self._made: tuple[str, T] | None = None

    def of(self, board: RankedBoard) -> T:
        """Return what is made of a board."""
        etag = board.document.etag
        with self._lock:
            if self._made is None or self._made[0] != etag:
                self._made = None  # both at once would be twice the memory
                self._made = (etag, self._make(board))
            return self._made[1]
