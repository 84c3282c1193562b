"""All that an installation cannot make again, in one file: its stores, and its signing key.

    requests/…, results/…, board/…   the files of the three stores, wherever they are
    signing/…                        the key, and what the installation remembers of its stores
    backup.json                      version of this layout, and the git blob id of every file by store

The file is a tar archive that gzip has compressed, so a person can read it without this project. A
file that a store changes meanwhile is in it twice; the later one counts. Prefect's database, the work
folder and downloaded models are not in it: all of them are made again. Whoever has the file can sign
in the name of the installation, so only its owner can read it.
"""

import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from evalboard.errors import ConfigError, ConflictError
from evalboard.files import check_version, write_synced
from evalboard.settings import Settings
from evalboard.stores.addresses import open_store
from evalboard.stores.protocol import ABSENT, Store, Write, blob_id

Name = Literal["requests", "results", "board"]
STORES: tuple[Name, ...] = ("requests", "results", "board")
SIGNING = "signing"
MANIFEST = "backup.json"
VERSION = 1
LOOKS = 20
"""Times that a store is looked at before it counts as too busy."""
COMMIT_BYTES = 64 * 2**20
"""Of the files that a restored store gets in one commit."""


class Restored(NamedTuple):
    """The outcome for one store."""

    store: str
    written: int
    """Number of files."""
    already_there: int


def back_up(file: Path, settings: Settings) -> dict[str, int]:
    """Write a backup, and return the number of files by store.

    Raises:
        ConfigError: The file exists or cannot be made.
        ConflictError: A store changes all the time.
        StoreError: A store cannot be read.
    """
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        if file.exists():
            raise ConfigError(f"File {str(file)!r} exists. Choose another name for the backup.")
        with os.fdopen(
            os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as raw:
            counted = _write(raw, settings)
            raw.flush()
            os.fsync(raw.fileno())
        unfinished.rename(file)
    except OSError as exc:
        raise ConfigError(f"The backup {str(file)!r} cannot be written: {exc}.") from exc
    finally:
        unfinished.unlink(missing_ok=True)
    return counted


def restore(file: Path, settings: Settings) -> list[Restored]:
    """Write the files of a backup into stores that do not have others, and the key.

    A restore that was interrupted is completed by the next one.

    Raises:
        ConfigError: The file is no backup or is damaged, or something else is in a file's place.
        StoreError: A store cannot be read or written.
    """
    try:
        with tarfile.open(file, "r:gz") as archive:
            listed = _manifest(archive)
            stores = {name: open_store(settings.store_address(name), settings) for name in STORES}
            missing = {name: _missing(stores[name], listed[name]) for name in STORES}
            _check_signing(archive, settings)
            for name in STORES:
                _fill(stores[name], archive, name, missing[name])
            _write_signing(archive, settings)
    except (OSError, EOFError, tarfile.TarError) as exc:
        raise ConfigError(f"The backup {str(file)!r} cannot be read: {exc}.") from exc
    return [
        Restored(name, len(missing[name]), len(listed[name]) - len(missing[name]))
        for name in STORES
    ]


def _write(raw: Any, settings: Settings) -> dict[str, int]:
    listed: dict[str, dict[str, str]] = {}
    with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=6) as archive:
        for name in STORES:
            store = open_store(settings.store_address(name), settings)
            listed[name] = _add_store(archive, name, store)
        for path in _signing_files(settings):
            _add(archive, f"{SIGNING}/{path.name}", path.read_bytes())
        manifest = {"version": VERSION, "stores": listed}
        _add(archive, MANIFEST, json.dumps(manifest).encode())
    return {name: len(files) for name, files in listed.items()}


def _add_store(archive: tarfile.TarFile, name: str, store: Store) -> dict[str, str]:
    """Add a store's files to the archive, and return their blob ids as they are at one moment."""
    added: dict[str, str] = {}
    for _ in range(LOOKS):
        snapshot = store.snapshot()
        try:
            for path, blob in snapshot.files.items():
                if added.get(path) != blob:
                    _add(archive, f"{name}/{path}", snapshot.read(path))
                    added[path] = blob
        except ConflictError:
            continue
        return dict(snapshot.files)
    raise ConflictError(f"Store {store.address!r} changes all the time. Try again later.")


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = 0o600
    archive.addfile(entry, io.BytesIO(content))


def _signing_files(settings: Settings) -> list[Path]:
    folder = settings.signing_folder
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in files if path.is_file() and path.name != "lock")


def _manifest(archive: tarfile.TarFile) -> Mapping[str, Mapping[str, str]]:
    try:
        document = json.loads(_content(archive, MANIFEST))
        check_version(document)
        return {name: dict(document["stores"][name]) for name in STORES}
    except (KeyError, ValueError, TypeError) as exc:
        raise ConfigError(
            f"File {archive.name!r} is no backup of evalboard that this version can read ({exc})."
        ) from exc


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    found = archive.extractfile(archive.getmember(name))
    if found is None:
        raise KeyError(name)
    return found.read()


def _missing(store: Store, listed: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return path and blob id of the files that a store does not have yet.

    Raises:
        ConfigError: It has others.
    """
    there = store.snapshot().files
    others = [path for path, blob in there.items() if listed.get(path) != blob]
    if others:
        raise ConfigError(
            f"Store {store.address!r} has {len(others)} files that the backup does not have, such as "
            f"{others[0]!r}. Restore into an empty store: set EVALBOARD_HOME to a new folder."
        )
    return [(path, blob) for path, blob in listed.items() if path not in there]


def _fill(
    store: Store, archive: tarfile.TarFile, name: str, files: Sequence[tuple[str, str]]
) -> None:
    for writes in _batches(archive, name, files):
        store.commit(writes, message="Restore a backup")


def _batches(
    archive: tarfile.TarFile, name: str, files: Sequence[tuple[str, str]]
) -> Iterator[list[Write]]:
    batch: list[Write] = []
    size = 0
    for path, blob in files:
        content = _checked(archive, f"{name}/{path}", blob)
        if batch and size + len(content) > COMMIT_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(Write(path, content, over=ABSENT))
        size += len(content)
    if batch:
        yield batch


def _checked(archive: tarfile.TarFile, name: str, blob: str) -> bytes:
    try:
        content = _content(archive, name)
    except KeyError:
        content = None
    if content is None or blob_id(content) != blob:
        raise ConfigError(f"The backup is damaged: {name!r} is not in it as it was written.")
    return content


def _signing_members(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive.getmembers():
        folder, _, name = member.name.partition("/")
        if folder == SIGNING and name and Path(name).name == name:
            yield name, _content(archive, member.name)


def _check_signing(archive: tarfile.TarFile, settings: Settings) -> None:
    """Check that this installation has no other key.

    Raises:
        ConfigError: It has.
    """
    key = settings.signing_folder / "key"
    saved = dict(_signing_members(archive)).get("key")
    if saved is not None and key.exists() and key.read_bytes() != saved:
        raise ConfigError(
            f"This installation has a signing key of its own, {str(key)!r}, and the requests of the "
            "backup are signed with another. Set EVALBOARD_HOME to a new folder."
        )


def _write_signing(archive: tarfile.TarFile, settings: Settings) -> None:
    folder = settings.signing_folder
    for name, content in _signing_members(archive):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (folder / name).exists():
            write_synced(folder / name, content)
            (folder / name).chmod(0o600)
