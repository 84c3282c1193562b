"""Work on what strangers sent: an error ends the work on one thing, never that on the next."""

import logging
from collections.abc import Callable
from typing import TypeVar

from evalboard.errors import EvalboardError, Unexpected
from evalboard.wording import plain

T = TypeVar("T")

logger = logging.getLogger(__name__)


def contained(work: Callable[[], T], what: str) -> T | EvalboardError:
    """Return the result of the work, or the error that ended it.

    An error that is not of this project becomes `Unexpected`. Its traceback goes to the log.

    Args:
        work: The work on one thing.
        what: The thing and the work on it, for the log: `The check of 'org/a.json'`.
    """
    try:
        return work()
    except EvalboardError as exc:
        return exc
    except Exception as exc:
        logger.exception("%s failed unexpectedly.", plain(what))
        return unexpected(exc, what)


def unexpected(exc: BaseException, what: str) -> Unexpected:
    """Return an error from outside the project as one of the project."""
    said = plain(f"{type(exc).__name__}: {exc}", 500)
    error = Unexpected(
        f"{plain(what, 300)} failed unexpectedly ({said}). The log contains the traceback."
    )
    error.__cause__ = exc
    return error
