"""Whether this machine may take requests.

What can be seen at once is looked at before every poll. A machine with a GPU is examined with torch
when its worker starts, and has to score one-layer models as plain transformers does, once for each
driver, version and GPU. A machine whose engine failed in the machine's own way is examined with torch
too, and so before every poll until it is fit again.
"""

import logging
import socket
from collections.abc import Callable

from evalboard.engine.fitness import (
    Problem,
    find_obvious_problems,
    find_problems,
    machine_facts,
)
from evalboard.engine.proving.proof import find_disproof, prove_all
from evalboard.errors import EngineError, OutOfMemory, StoreError
from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder

logger = logging.getLogger(__name__)


def why_unfit(settings: Settings) -> str:
    """Return why this machine takes no requests, empty if it may take some.

    Raises:
        StoreError: The work folder cannot be written.
    """
    if not WorkFolder(settings.work_folder).is_unfit(socket.gethostname()):
        return _said(find_obvious_problems(settings))
    return _noted(settings, _said(find_problems(settings)) or _disproved(settings))


def examine_at_start(settings: Settings, *, tell: Callable[[str], object]) -> str:
    """Examine this machine before its first request. Without a GPU, that takes milliseconds.

    Args:
        settings: The settings.
        tell: Function that gets what is begun, as it takes a minute.

    Returns:
        Why it takes no requests, empty if it is fit.

    Raises:
        StoreError: The work folder cannot be written.
    """
    if not machine_facts(settings).uses_gpus:
        return why_unfit(settings)
    return _noted(settings, _said(find_problems(settings)) or _prove(settings, tell))


def examine(settings: Settings) -> str:
    """Examine this machine after an engine failed in the machine's own way.

    Returns:
        Why it takes no more requests, empty if it is fit.
    """
    said = _said(find_problems(settings))
    return _noted(settings, said) if said else ""


def _prove(settings: Settings, tell: Callable[[str], object]) -> str:
    """Let this machine's GPU prove itself, and return why not."""
    try:
        prove_all(settings, device="cuda", on_progress=lambda step: tell(f"{step} …"))
    except OutOfMemory as exc:
        tell(f"{exc.message} The next start tries it again.")
    except EngineError as exc:
        logger.warning("%s\n%s", exc.message, exc.log_tail)
    return _disproved(settings)


def _disproved(settings: Settings) -> str:
    found = find_disproof(settings)
    return (
        f"{_takes_none()} It does not compute as plain transformers does: {found} Install the "
        "versions of requirements/gpu.lock, compare `evalboard doctor`, and start again."
        if found
        else ""
    )


def _noted(settings: Settings, said: str) -> str:
    """Note why this machine is unfit, or that it is not any more, and return it."""
    work, host = WorkFolder(settings.work_folder), socket.gethostname()
    if not said:
        work.forget_unfit(host)
        return ""
    try:
        work.note_unfit(host, said)
    except StoreError as exc:  # a full disk is seen at once, without a note
        logger.warning("%s", exc.message)
    return said


def _takes_none() -> str:
    return f"The machine {socket.gethostname()} takes no requests."


def _said(problems: list[Problem]) -> str:
    fatal = " ".join(str(problem) for problem in problems if problem.is_fatal)
    return f"{_takes_none()} {fatal}" if fatal else ""
