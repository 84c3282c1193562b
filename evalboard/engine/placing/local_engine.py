"""An engine without placing: its holder is an object of this process."""

import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from evalboard.engine.placing.calling import CALLS_AT_ONCE, POLL_SECONDS, NoAnswer, OnWait
from evalboard.engine.placing.holder import EngineHolder


class LocalEngine:
    """A holder on this machine; see `EngineTransport`."""

    def __init__(self, holder: EngineHolder) -> None:
        self._holder = holder
        self._threads = ThreadPoolExecutor(CALLS_AT_ONCE)

    def settle(self, seconds: float, on_wait: OnWait | None) -> None:
        """Return at once: its place is this machine."""

    def call(
        self, method: str, args: tuple[Any, ...], seconds: float, on_wait: OnWait | None
    ) -> Any:
        """Call a method; see `EngineTransport.call`."""
        answer = self._threads.submit(self._holder.call, method, args)
        deadline = time.monotonic() + seconds
        while not answer.done():
            left = deadline - time.monotonic()
            if left <= 0:
                raise NoAnswer
            wait([answer], timeout=min(POLL_SECONDS, left))
            if on_wait and not answer.done():
                on_wait()
        return answer.result()

    def end(self) -> None:
        """End the engine's process."""
        self._holder.end()
        self._threads.shutdown(wait=False, cancel_futures=True)
