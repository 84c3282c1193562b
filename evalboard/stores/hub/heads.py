"""The newest commit that this machine knows of.

The Hub may report an old head for a while after a commit. A process that has seen a commit must not
go back to an older one, or it would miss its own changes.
"""

import time
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.errors import StoreError
from evalboard.files import read_state, write_state
from evalboard.stores.hub.dataset import HubDataset
from evalboard.stores.hub.files import locked, seconds, text
from evalboard.stores.hub.responses import HubBusy

LAG_SECONDS = 300.0
"""Limit of the time for which the Hub may report an old head."""
RECENT_SECONDS = 60.0
REMEMBERED = 200
LOOK_BACK = 50


class Known(NamedTuple):
    """The newest commit, the time of its discovery, and commits that are known to be older."""

    commit: str = ""
    learnt: float = 0.0
    older: tuple[str, ...] = ()


class Heads:
    """The newest commit of one store, in a file that all processes of a machine share."""

    def __init__(self, dataset: HubDataset, folder: Path) -> None:
        self._dataset = dataset
        self._path = folder / "head.json"
        self._lock = folder / "head.lock"
        self._asked = -RECENT_SECONDS

    def recent(self) -> str | None:
        """Return the newest commit. The Hub is not asked again within a short time.

        The commit may be outdated. That is enough for a commit, which compares its parent.
        """
        if time.monotonic() < self._asked + RECENT_SECONDS:
            return self._known().commit or self.newest()
        return self.newest()

    def newest(self) -> str | None:
        """Return the newest commit, None without a repository.

        Raises:
            StoreError: The repository has disappeared.
        """
        known = self._known()
        told = self._dataset.head()
        self._asked = time.monotonic()
        if told is None:
            if known.commit:
                raise StoreError(
                    f"Store {self._dataset.address!r} has disappeared from the Hub, or this token "
                    "has lost access to it. Check it on the Hub. To start with an empty store, "
                    f"delete the folder {str(self._path.parent)!r}."
                )
            return None
        if told == known.commit:
            return told
        if told in known.older or self._is_older(told, known):
            return known.commit
        self._learn(told, over=known)
        return told

    def made(self, commit: str, *, parent: str) -> None:
        """Record a commit that was just made on its parent."""
        with locked(self._lock, wait=True):
            known = self._known()
            if commit not in known.older:
                self._write(commit, (*known.older, known.commit, parent))

    def _learn(self, commit: str, *, over: Known) -> None:
        """Record the Hub's head, unless another process has recorded a head meanwhile."""
        with locked(self._lock, wait=True):
            known = self._known()
            if known.commit == over.commit:
                self._write(commit, (*known.older, known.commit))

    def _is_older(self, told: str, known: Known) -> bool:
        """Return whether the Hub reports a commit older than the known one, by their histories."""
        if not known.commit or time.time() > known.learnt + LAG_SECONDS:
            return False
        if known.commit in self._recent(told):
            return False
        try:
            return told in self._recent(known.commit)
        except HubBusy:
            return True  # the known commit has not reached all servers

    def _recent(self, commit: str) -> list[str]:
        history = self._dataset.history(commit)
        return [line.sha for line, _ in zip(history, range(LOOK_BACK), strict=False)]

    def _known(self) -> Known:
        return read_state(self._path, _parse) or Known()

    def _write(self, commit: str, older: tuple[str, ...]) -> None:
        older = tuple(dict.fromkeys(sha for sha in older if sha and sha != commit))
        known = Known(commit, time.time(), older[-REMEMBERED:])
        write_state(self._path, known._asdict())


def _parse(document: dict[str, Any]) -> Known:
    older = tuple(text(commit) for commit in document["older"])
    return Known(text(document["commit"]), seconds(document["learnt"]), older)
