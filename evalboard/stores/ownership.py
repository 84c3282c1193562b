"""Which installation signs the requests of a store.

The first installation that evaluates the requests of a store names its key there. A machine with
another key does not evaluate them: each would take the other's claims for those of a stranger.

An installation remembers in its home that a store is its own. From then on the file in the store
decides nothing, so nobody who can write the store can stop its queue with that file.
"""

import hashlib
from contextlib import suppress
from pathlib import Path

from evalboard.errors import FileTooLarge, ForeignKey
from evalboard.files import write_whole
from evalboard.signing import KEY_ID, KeySource, SigningKey
from evalboard.stores.protocol import ABSENT, Snapshot, Store, Write, blob_id, retry_on_conflict

KEY_FILE = "signing-key.txt"
"""File of the requests store. Not a request, because only `.json` files are requests."""
MAX_BYTES = 1000


def own(store: Store, keys: KeySource, folder: Path) -> SigningKey:
    """Make sure that this installation signs the requests of a store, and return its key.

    Args:
        store: The requests store.
        keys: The key of this installation.
        folder: Folder in which this installation remembers its stores.

    Raises:
        ForeignKey: Another installation signs them.
        ConfigError: There is no key, and none can be made; or the store cannot be written.
        StoreError: The store cannot be read or written.
    """
    key = keys.obtain()
    note = folder / "stores" / f"{hashlib.sha256(store.address.encode()).hexdigest()[:32]}.txt"
    if _noted(note) == key.id:
        return key
    retry_on_conflict(lambda: _name(store, key, keys))
    with suppress(OSError):  # a home that cannot be written: the next call looks again
        write_whole(note, f"{key.id}\n{store.address}\n".encode())
    return key


def names(snapshot: Snapshot, key: SigningKey) -> bool:
    """Return whether a store names this key. The file is not read for it."""
    return snapshot.blobs([KEY_FILE])[KEY_FILE] == blob_id(_text(key))


def named_key(snapshot: Snapshot) -> str:
    """Return the id of the key that a store names, empty if it names none."""
    if snapshot.blobs([KEY_FILE])[KEY_FILE] == ABSENT:
        return ""
    try:
        words = snapshot.read(KEY_FILE, at_most=MAX_BYTES).decode(errors="replace").split()
    except FileTooLarge:
        return ""
    return words[0] if words and KEY_ID.fullmatch(words[0]) else ""


def keep_name(store: Store, key: SigningKey) -> str:
    """Name this installation's key again in its own store, if the file there was lost.

    Returns:
        A warning if the file names another key, empty otherwise.
    """

    def look() -> str:
        snapshot = store.snapshot()
        if snapshot.files.get(KEY_FILE, ABSENT) == blob_id(_text(key)):
            return ""
        if named := named_key(snapshot):
            return (
                f"File {KEY_FILE!r} in {store.address!r} names the key {named}, but this "
                f"installation signs these requests with {key.id}. Delete the file, so that "
                "further machines can work on this store."
            )
        over = snapshot.files.get(KEY_FILE, ABSENT)
        store.commit([Write(KEY_FILE, _text(key), over)], message="name the signing key")
        return ""

    return retry_on_conflict(look)


def _name(store: Store, key: SigningKey, keys: KeySource) -> None:
    snapshot = store.snapshot()
    named = named_key(snapshot)
    if not named:
        over = snapshot.blobs([KEY_FILE])[KEY_FILE]
        store.commit([Write(KEY_FILE, _text(key), over)], message="name the signing key")
    elif named != key.id:
        raise ForeignKey(
            f"The requests in {store.address!r} are signed with the key {named}, but this machine "
            f"has the key {key.id}. Set EVALBOARD_SIGNING_KEY to the key of the machines that "
            f"already evaluate them: their EVALBOARD_SIGNING_KEY, or else the content of "
            f"'signing/key' in their EVALBOARD_HOME (here {str(keys.file)!r}). If that key is "
            f"lost, stop those machines and delete {KEY_FILE!r} from the store: this machine then "
            "checks all waiting requests again."
        )


def _text(key: SigningKey) -> bytes:
    return (
        f"{key.id}\n"
        "is the id of the key with which an installation of evalboard signs these requests.\n"
    ).encode()


def _noted(note: Path) -> str:
    try:
        words = note.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return ""
    return words[0] if words else ""
