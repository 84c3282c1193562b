"""Keep Python's garbage collector away from work that makes no garbage.

The collector goes through all objects again and again while their number grows. Nothing that is imported, and no
value of a table that is built, is part of a cycle that can be freed.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Let the collector look for no cycles in this context."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def importing() -> Iterator[None]:
    """Import libraries in this context, which takes a tenth to a quarter less time.

    The collector does not go through them later either, and in a fork copies none of their memory.
    """
    with without_collector():
        try:
            yield
        finally:
            gc.freeze()
