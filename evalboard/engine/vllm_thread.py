"""The one thread in which a vLLM engine is made and does all its work.

vLLM's model runner for GPUs remembers the CUDA stream of the thread in which it warms up, and copies
results to the host when that stream is done. The current stream is a matter of the thread: layers
that ask for it in another thread (quantised ones, mixtures of experts) compute on another stream, and
the copy does not wait for them. The log-probabilities are then memory as it happens to be.
"""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from queue import SimpleQueue
from typing import Any, TypeVar

Item = TypeVar("Item")


class EngineThread:
    """One thread that does what other threads hand it, in the order of their calls."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")

    def call(self, function: Callable[..., Item], *args: Any, **options: Any) -> Item:
        """Call a function in the thread and return its result."""
        return self._executor.submit(function, *args, **options).result()

    def iterate(self, make: Callable[[], Generator[Item]]) -> Generator[Item]:
        """Run a generator in the thread, and yield its items here as they come.

        The thread does not wait for the consumer. When the consumer stops, the generator is closed
        after its next item, before this returns.

        Args:
            make: Makes the generator, in the thread.
        """
        items: SimpleQueue[list[Item]] = SimpleQueue()
        stopped = threading.Event()

        def drive() -> None:
            try:
                with closing(make()) as made:
                    for item in made:
                        items.put([item])
                        if stopped.is_set():
                            return
            finally:
                items.put([])

        running = self._executor.submit(drive)
        try:
            while item := items.get():
                yield item[0]
        finally:
            stopped.set()
            wait([running])
        running.result()
