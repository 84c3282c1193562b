"""When this installation first saw a claim that it cannot verify.

Such a claim expires by this machine's clock alone. Times in the file, times of the file and edits
of the file do not count, so nobody can keep a claim young.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from evalboard.files import read_state, write_state
from evalboard.records.times import parse_time, timestamp

logger = logging.getLogger(__name__)


def first_seen(file: Path, paths: Iterable[str], *, now: datetime) -> dict[str, datetime]:
    """Return when each of these paths was first seen, and remember it.

    Other paths are forgotten. A time in the future, from a clock that has been set back, becomes
    the current time.

    Args:
        file: The memory of this installation.
        paths: Paths of the requests with such claims.
        now: The current time.
    """
    before = _remembered(file)
    seen = {path: min(before.get(path, now), now) for path in paths}
    if seen != before:
        texts = {path: timestamp(time) for path, time in sorted(seen.items())}
        try:
            write_state(file, {"seen": texts})
        except OSError as exc:
            logger.warning("Unverified claims do not expire: %r cannot be written: %s", file, exc)
    return seen


def _remembered(file: Path) -> dict[str, datetime]:
    """Return what was remembered, nothing if the file is missing or cannot be read."""
    try:
        return read_state(file, _times) or {}
    except OSError:
        return {}


def _times(document: dict[str, Any]) -> dict[str, datetime]:
    times = {str(path): parse_time(text) for path, text in document["seen"].items()}
    return {path: time for path, time in times.items() if time is not None}
