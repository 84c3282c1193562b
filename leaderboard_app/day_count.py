"""How many submissions came in the last 24 hours, in all and from one address.

Without a log-in everybody can write any name, so a limit for a name stops nobody who means harm. An
address is harder to change, and the limit of all is the board's last one. The counts are in memory:
a restart of the viewer forgets them.
"""

import time
from collections import deque
from typing import Literal

DAY_SECONDS = 24 * 3600


class DayCount:
    """Submissions of the last 24 hours.

    Args:
        most: Limit of all.
        each: Limit of one address.
    """

    def __init__(self, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._sent: deque[tuple[float, str | None]] = deque()

    def take(self, address: str | None) -> Literal["one", "all"] | None:
        """Count a submission and return None, or return which limit is reached.

        Args:
            address: The sender's; None if it is unknown, which has no limit of its own.
        """
        self._forget_old()
        own = sum(other == address for _, other in self._sent)
        if address is not None and own >= self._each:
            return "one"
        if len(self._sent) >= self._most:
            return "all"
        self._sent.append((time.monotonic(), address))
        return None

    def give_back(self, address: str | None) -> None:
        """Count the last submission from an address no more, because it was not accepted."""
        last = next((sent for sent in reversed(self._sent) if sent[1] == address), None)
        if last is not None:
            self._sent.remove(last)

    def _forget_old(self) -> None:
        while self._sent and self._sent[0][0] < time.monotonic() - DAY_SECONDS:
            self._sent.popleft()
