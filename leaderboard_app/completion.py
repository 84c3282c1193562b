"""Complete what somebody types into the field of a model's name."""

import logging
import math
import time
from collections import OrderedDict
from threading import Lock

from evalboard.errors import StoreError
from evalboard.repositories.searching import models_in_mirror, models_on_hub
from evalboard.settings import Settings

logger = logging.getLogger(__name__)

SHORTEST, LONGEST = 2, 100
"""Characters that are looked for."""
SHOWN = 10
REMEMBERED = 500
FRESH_SECONDS = 300.0
PAUSE_SECONDS = 60.0
"""After the Hub did not answer."""


class Completion:
    """Names of models, from the mirror and from the Hub where it may be asked.

    Thread-safe. However many people type, the Hub gets one question at a time, none twice within
    `FRESH_SECONDS`, and none for a while when it did not answer: names are a help, never waited for.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: OrderedDict[str, tuple[float, list[str]]] = OrderedDict()
        self._asking = Lock()
        self._asleep_until = 0.0

    def names(self, typed: str) -> list[str]:
        """Return at most `SHOWN` names that fit what was typed; none for very short texts."""
        words = typed.strip().casefold()
        if not SHORTEST <= len(words) <= LONGEST:
            return []
        here = models_in_mirror(words, self._settings, limit=SHOWN)
        there = [] if len(here) == SHOWN else self._on_hub(words)
        return list(dict.fromkeys((*here, *there)))[:SHOWN]

    def _on_hub(self, words: str) -> list[str]:
        then, names = self._known.get(words, (-math.inf, []))
        now = time.monotonic()
        if now - then < FRESH_SECONDS:
            return names
        if self._settings.offline or now < self._asleep_until:
            return []
        if not self._asking.acquire(blocking=False):
            return []
        try:
            names = models_on_hub(words, self._settings, limit=SHOWN)
        except StoreError as exc:
            logger.info("No names from the Hub: %s", exc)
            self._asleep_until = time.monotonic() + PAUSE_SECONDS
            return []
        finally:
            self._asking.release()
        self._known[words] = (time.monotonic(), names)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return names
