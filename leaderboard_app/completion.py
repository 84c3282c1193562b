"""Completion of model names in the form."""

import logging
import time
from threading import Lock

from cachetools import TTLCache

from evalboard.errors import StoreError
from evalboard.repositories.searching import models_in_mirror, models_on_hub
from evalboard.settings import Settings

logger = logging.getLogger(__name__)

SHORTEST, LONGEST = 2, 100
"""Minimum number of characters for a search."""
MAX_NAMES_SHOWN = 10
MAX_ANSWERS_KEPT = 500
FRESH_SECONDS = 300.0
PAUSE_SECONDS = 60.0
"""Pause after the Hub did not answer."""


class Completion:
    """Names of models, from the mirror and, if allowed, from the Hub.

    Thread-safe. Whatever the number of users, the Hub gets one query at a time, none twice within
    `FRESH_SECONDS`, and none for a while after a failure. Names are only a help; nothing waits for
    them.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: TTLCache[str, list[str]] = TTLCache(MAX_ANSWERS_KEPT, FRESH_SECONDS)
        self._keeping = Lock()
        self._asking = Lock()
        self._asleep_until = 0.0

    def names(self, typed: str) -> list[str]:
        """Return at most `MAX_NAMES_SHOWN` names that match a text, none for very short texts."""
        words = typed.strip().casefold()
        if not SHORTEST <= len(words) <= LONGEST:
            return []
        here = models_in_mirror(words, self._settings, limit=MAX_NAMES_SHOWN)
        there = [] if len(here) == MAX_NAMES_SHOWN else self._on_hub(words)
        return list(dict.fromkeys((*here, *there)))[:MAX_NAMES_SHOWN]

    def _on_hub(self, words: str) -> list[str]:
        with self._keeping:
            known = self._known.get(words)
        if known is not None:
            return known
        if self._settings.offline or time.monotonic() < self._asleep_until:
            return []
        if not self._asking.acquire(blocking=False):
            return []
        try:
            names = models_on_hub(words, self._settings, limit=MAX_NAMES_SHOWN)
        except StoreError as exc:
            logger.info("The Hub suggested no names: %s", exc)
            self._asleep_until = time.monotonic() + PAUSE_SECONDS
            return []
        finally:
            self._asking.release()
        with self._keeping:
            self._known[words] = names
        return names
