"""Imports without libraries that others import in passing, and that take time."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

UNUSED = ("scipy", "sklearn")
"""transformers imports them for assisted generation and the training of detectors, vLLM for sounds. All
do without them. They take a tenth of an engine's imports."""


@contextmanager
def leaving_out(names: Iterable[str]) -> Iterator[None]:
    """Let imports in this context find some libraries missing, unless they are imported already.

    A library that has found another one missing may remember that. After the context everyone else can
    import it, such as a metric of lm_eval.

    Args:
        names: Names of packages.
    """
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # pyright: ignore[reportArgumentType] - the import system's own sign
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
