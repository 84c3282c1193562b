"""The board store: table, description and queue, written only when they changed."""

import json
from collections.abc import Callable, Mapping

from evalboard.records.table import META_FILE
from evalboard.stores.protocol import Store, Write, retry_on_conflict


def publish_table(store: Store, build: Callable[[], Mapping[str, bytes]]) -> bool:
    """Write the table's files when their content hash is new; return whether it was.

    `build` is called again when somebody else committed in between, so that an older table never
    replaces a newer one.
    """

    def change() -> bool:
        snapshot = store.snapshot()
        files = build()
        if META_FILE in snapshot.files and _hash(snapshot.read(META_FILE)) == _hash(
            files[META_FILE]
        ):
            return False
        store.commit(
            [Write(path, content) for path, content in files.items()],
            message="board",
            parent=snapshot.revision,
        )
        return True

    return retry_on_conflict(change)


def publish_file(store: Store, path: str, build: Callable[[], bytes]) -> bool:
    """Write one file when its content is new; return whether it was. `build` as above."""

    def change() -> bool:
        snapshot = store.snapshot()
        content = build()
        if path in snapshot.files and snapshot.read(path) == content:
            return False
        store.commit([Write(path, content)], message=path, parent=snapshot.revision)
        return True

    return retry_on_conflict(change)


def _hash(meta: bytes) -> str:
    return json.loads(meta)["content_hash"]
