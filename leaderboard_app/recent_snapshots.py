"""Recent states of a store, for pages that need a few of its files.

A results store has ten files for every evaluated model, and a page needs those of one. In a local
store only that model's folder is read; on the Hub files are read by name.
"""

from threading import Lock

from cachetools import TTLCache

from evalboard.stores.addresses import is_hosted
from evalboard.stores.protocol import ABSENT, Snapshot, Store

HOSTED_SECONDS = 10.0
"""Interval between checks of a store on the Hub, because the Hub limits calls."""


class RecentSnapshots:
    """Snapshots of a store: current for a folder, recent for the Hub.

    Thread-safe.

    Args:
        store: The store.
        max_age_seconds: Maximum age of a state. None means `HOSTED_SECONDS` on the Hub, otherwise
            0.
    """

    def __init__(self, store: Store, *, max_age_seconds: float | None = None) -> None:
        self.lists_quickly = not is_hosted(store.address)
        """Whether listing a folder is cheap."""
        if max_age_seconds is None:
            max_age_seconds = 0 if self.lists_quickly else HOSTED_SECONDS
        self._store = store
        self._recent: TTLCache[str, Snapshot] = TTLCache(maxsize=1, ttl=max_age_seconds)
        self._lock = Lock()

    def snapshot(self, folder: str) -> Snapshot:
        """Return a state with the files below a folder. Raises like `Store.snapshot`."""
        if self.lists_quickly:
            return self._store.snapshot(folder)
        with self._lock:
            recent = self._recent.get("")
            if recent is None:
                recent = self._recent[""] = self._store.snapshot()
            return recent


def has_file(snapshot: Snapshot, path: str) -> bool:
    """Return whether a snapshot has a file at a path."""
    return snapshot.blobs([path])[path] != ABSENT


def folder_of_path(path: str) -> str:
    """Return the folder of a file, empty for the store's root."""
    return path.rpartition("/")[0]
