"""A limit on what happens at the same time: so many at once, so many waiting, fair to all."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class NoPlace(Exception):
    """Raised when too many wait already."""


class Places:
    """Places for work, in the order of arrival.

    Args:
        at_once: Number of places.
        waiting: Limit of those who wait for one.
        each: Limit of places and waits of one reader, None for no limit.
    """

    def __init__(self, at_once: int, waiting: int, each: int | None = None) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._each = each
        self._here: Counter[str] = Counter()

    @asynccontextmanager
    async def place(self, reader: str | None) -> AsyncIterator[Callable[[], None]]:
        """Wait for a place and hold it.

        The given function lets the next one have the place, as soon as the work is done. This one
        stays counted until the end.

        Args:
            reader: Whom the place is counted for; None for nobody in particular.

        Raises:
            NoPlace: Too many are here, in all or of this reader.
        """
        name = reader or ""
        is_full = self._here.total() >= self._most
        has_enough = reader is not None and self._each is not None
        if is_full or (has_enough and self._here[name] >= (self._each or 0)):
            raise NoPlace
        self._here[name] += 1
        try:
            await self._places.acquire()
            release = _once(self._places.release)
            try:
                yield release
            finally:
                release()
        finally:
            self._here[name] -= 1
            if not self._here[name]:
                del self._here[name]


def _once(work: Callable[[], None]) -> Callable[[], None]:
    """Return a function that does something at its first call."""
    waiting = [work]

    def do() -> None:
        if waiting:
            waiting.pop()()

    return do
