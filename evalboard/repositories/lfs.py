"""Where a Hub keeps large files, asked for many of them at once.

`resolve` sends the reader of a large file on to another address, so each costs two calls. The
batch call of git-lfs (https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md) tells the
addresses of all of them in one.
"""

import json
import threading
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import httpx2
from huggingface_hub import HfApi
from huggingface_hub.utils import build_hf_headers, get_session

from evalboard.repositories.hub_reading import TIMEOUT_SECONDS, read_start
from evalboard.repositories.selection import weight_files

MOST_OBJECTS = 1000
FEWEST_FILES = 4
"""Weights files from which on the one call more is worth it."""


class LargeFile(NamedTuple):
    """A file that the Hub keeps outside of git."""

    sha256: str
    size: int


class Address(NamedTuple):
    """Where a large file can be read."""

    url: str
    headers: Mapping[str, str] = {}
    """To be sent along, and no others: the address is not the Hub's."""


class LargeFiles:
    """The weights files of a repository on a Hub that are kept outside of git.

    Args:
        api: The Hub and the token.
        model: The repository.
        files: Its large files, by path.
    """

    def __init__(self, api: HfApi, model: str, files: Mapping[str, LargeFile]) -> None:
        self._api = api
        self._model = model
        self._files = {path: files[path] for path in weight_files(files)}
        self._addresses: dict[str, Address] | None = None
        self._lock = threading.Lock()

    def read_head(self, path: str, *, length: int) -> bytes | None:
        """Return the first bytes of a file; None where it must be asked for by `resolve`."""
        if path not in self._files or len(self._files) < FEWEST_FILES:
            return None
        with self._lock:
            if self._addresses is None:
                self._addresses = find_addresses(self._api, self._model, self._files)
        address = self._addresses.get(path)
        return None if address is None else _read(address, length)


def read_large_files(siblings: Iterable[Any]) -> dict[str, LargeFile]:
    """Return the large files among those that the Hub lists for a repository, by path."""
    found: dict[str, LargeFile] = {}
    for sibling in siblings:
        lfs = sibling.get("lfs")
        if isinstance(lfs, dict) and isinstance(lfs.get("sha256"), str):
            found[str(sibling["rfilename"])] = LargeFile(lfs["sha256"], int(lfs.get("size") or 0))
    return found


def find_addresses(api: HfApi, model: str, files: Mapping[str, LargeFile]) -> dict[str, Address]:
    """Return where large files can be read, in one call.

    A server that does not speak of it gives none: each file can be asked for by `resolve`.

    Args:
        api: The Hub and the token.
        model: The repository.
        files: By path.
    """
    chosen = dict(list(files.items())[:MOST_OBJECTS])
    asked = {
        "operation": "download",
        "transfers": ["basic"],
        "hash_algo": "sha256",
        "objects": [{"oid": file.sha256, "size": file.size} for file in chosen.values()],
    }
    headers = build_hf_headers(token=api.token) | {
        "Accept": "application/vnd.git-lfs+json",
        "Content-Type": "application/vnd.git-lfs+json",
    }
    try:
        response = get_session().post(
            f"{api.endpoint}/{model}.git/info/lfs/objects/batch",
            content=json.dumps(asked).encode(),
            headers=headers,
            timeout=TIMEOUT_SECONDS,
        )
        told = response.json() if response.status_code == httpx2.codes.OK else None
    except (httpx2.HTTPError, ValueError, RecursionError):
        return {}
    places = _read_addresses(told)
    return {path: places[file.sha256] for path, file in chosen.items() if file.sha256 in places}


def _read_addresses(told: Any) -> dict[str, Address]:
    objects = told.get("objects") if isinstance(told, dict) else None
    found: dict[str, Address] = {}
    for entry in objects if isinstance(objects, list) else []:
        actions = entry.get("actions") if isinstance(entry, dict) else None
        action = actions.get("download") if isinstance(actions, dict) else None
        if isinstance(action, dict) and str(action.get("href")).startswith("http"):
            headers = action.get("header")
            kept = {str(k): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {}
            found[str(entry.get("oid"))] = Address(str(action["href"]), kept)
    return found


def _read(address: Address, length: int) -> bytes | None:
    headers = {**address.headers, "Range": f"bytes=0-{length - 1}"}
    try:
        return read_start(address.url, headers, length)
    except (httpx2.HTTPError, OSError):
        return None
