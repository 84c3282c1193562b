"""Recent states of a store, for pages that need a few of its files.

A results store holds ten files for every model that was ever evaluated. A page needs those of one:
in a folder that model's folder is looked at, on the Hub files are asked for by name.
"""

from threading import Lock

from cachetools import TTLCache

from evalboard.stores.opening import is_hosted
from evalboard.stores.protocol import ABSENT, Snapshot, Store

HOSTED_SECONDS = 10.0
"""Between two looks at a store on the Hub for its newest state: each is a call that it counts."""


class RecentSnapshots:
    """Snapshots of a store: one in a folder as it is now, one on the Hub as it was just before.

    Thread-safe.

    Args:
        store: The store.
        max_age_seconds: How old a state may be; None for `HOSTED_SECONDS` on the Hub, 0 elsewhere.
    """

    def __init__(self, store: Store, *, max_age_seconds: float | None = None) -> None:
        self.lists_quickly = not is_hosted(store.address)
        """Whether listing a folder costs no more than reading it."""
        if max_age_seconds is None:
            max_age_seconds = 0 if self.lists_quickly else HOSTED_SECONDS
        self._store = store
        self._recent: TTLCache[str, Snapshot] = TTLCache(maxsize=1, ttl=max_age_seconds)
        self._lock = Lock()

    def snapshot(self, folder: str) -> Snapshot:
        """Return a state that has the files below a folder; raises as `Store.snapshot` does."""
        if self.lists_quickly:
            return self._store.snapshot(folder)
        with self._lock:
            recent = self._recent.get("")
            if recent is None:
                recent = self._recent[""] = self._store.snapshot()
            return recent


def has_file(snapshot: Snapshot, path: str) -> bool:
    """Whether a snapshot has a file at a path."""
    return snapshot.blobs([path])[path] != ABSENT


def folder_of_path(path: str) -> str:
    """Return the folder in which a file lies; empty for the store's own."""
    return path.rpartition("/")[0]
