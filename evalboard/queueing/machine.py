"""Whether this machine may take requests.

What can be seen at once is looked at before every poll. A machine whose engine failed in the
machine's own way is examined with torch, and so before every poll until it is fit again.
"""

import logging
import socket

from evalboard.engine.fitness import Problem, find_obvious_problems, find_problems
from evalboard.errors import StoreError
from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder

logger = logging.getLogger(__name__)


def why_unfit(settings: Settings) -> str:
    """Return why this machine takes no requests, empty if it may take some.

    Raises:
        StoreError: The work folder cannot be written.
    """
    work, host = WorkFolder(settings.work_folder), socket.gethostname()
    was_unfit = work.is_unfit(host)
    said = _said(find_problems(settings) if was_unfit else find_obvious_problems(settings))
    if was_unfit and not said:
        work.forget_unfit(host)
    return said


def examine(settings: Settings) -> str:
    """Examine this machine after an engine failed in the machine's own way.

    Returns:
        Why it takes no more requests, empty if it is fit.
    """
    said = _said(find_problems(settings))
    if said:
        try:
            WorkFolder(settings.work_folder).note_unfit(socket.gethostname(), said)
        except StoreError as exc:  # a full disk is seen at once, without a note
            logger.warning("%s", exc.message)
    return said


def _said(problems: list[Problem]) -> str:
    fatal = " ".join(str(problem) for problem in problems if problem.is_fatal)
    return f"The machine {socket.gethostname()} takes no requests. {fatal}" if fatal else ""
