"""The board store: table, description and queue, written only when they changed.

All of it is made from other stores, so whoever is overtaken twice may leave it: the second one who
was faster began to read after the first one had written, and so after this call.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress

from evalboard.errors import ConflictError
from evalboard.records.table import META_FILE
from evalboard.stores.protocol import ABSENT, Snapshot, Store, Write, blob_id

TRIES = 2


def publish_table(store: Store, build: Callable[[], Mapping[str, bytes]]) -> bool:
    """Write the table's files when their content hash is new or one is missing.

    Returns whether they were written.

    `build` is called again when somebody else committed in between, so that an older table never
    replaces a newer one. When that happens twice, theirs is as new as this call.
    """

    def change() -> bool:
        snapshot = store.snapshot()
        files = build()
        new = json.loads(files[META_FILE])["content_hash"]
        there = snapshot.blobs(files)
        if ABSENT not in there.values() and _published_hash(snapshot) == new:
            return False
        store.commit(
            [Write(path, content, there[path]) for path, content in files.items()], message="board"
        )
        return True

    return _unless_overtaken(change)


def publish_file(store: Store, path: str, build: Callable[[], bytes]) -> bool:
    """Write one file when its content is new; return whether it was. `build` as above."""

    def change() -> bool:
        snapshot = store.snapshot()
        content = build()
        there = snapshot.blobs([path])[path]
        if there == blob_id(content):
            return False
        store.commit([Write(path, content, there)], message=path)
        return True

    return _unless_overtaken(change)


def _unless_overtaken(change: Callable[[], bool]) -> bool:
    """Return what `change` returns; False when somebody else was faster each time."""
    for _ in range(TRIES):
        with suppress(ConflictError):
            return change()
    return False


def _published_hash(snapshot: Snapshot) -> str | None:
    """Return the hash that is there, None when something else is there."""
    try:
        return json.loads(snapshot.read(META_FILE))["content_hash"]
    except (ValueError, KeyError, TypeError):
        return None
