"""Repositories that generators make: good ones, broken ones and hostile ones.

A module of this package is one theme and has `CASES`, a tuple of `Case`. `cases` collects them.
"""

import pkgutil
from importlib import import_module

from tests.validation.corpus.case import Case

__all__ = ["Case", "cases"]


def cases() -> list[Case]:
    """Return the cases of all modules, by name."""
    found = [
        case
        for module in pkgutil.iter_modules(__path__)
        for case in getattr(import_module(f"{__name__}.{module.name}"), "CASES", ())
    ]
    return sorted(found, key=lambda case: case.name)
