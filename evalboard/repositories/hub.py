"""A model on the Hugging Face Hub, or on a server that implements its API."""

import glob
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, try_to_load_from_cache

from evalboard.errors import StoreError
from evalboard.hub_client import hub_api
from evalboard.repositories.contents import check_content, listed_hash
from evalboard.repositories.copying import linked_folder
from evalboard.repositories.hub_reading import hub_errors, read_head, read_info, save_file
from evalboard.repositories.model_cache import make_room, note_use
from evalboard.repositories.names import is_board_name, is_commit, is_safe_path
from evalboard.repositories.repository import Standing, check_count, check_size, file_size
from evalboard.repositories.selection import loadable_files, small_files
from evalboard.settings import Settings

DOWNLOADS_AT_ONCE = 8


class HubRepository:
    """A repository on the Hub at one commit. Made by `open_hub_repository`."""

    def __init__(
        self,
        api: HfApi,
        *,
        model: str,
        revision: str,
        files: dict[str, int],
        hashes: dict[str, str],
        refused: dict[str, str],
        standing: Standing,
        views: Path,
        make_room: Callable[[int], None],
    ) -> None:
        self.model = model
        self.revision = revision
        self.standing = standing
        self._api = api
        self._files = files
        self._hashes = hashes
        self._refused = refused
        self._views = views
        self._make_room = make_room

    def files(self) -> Mapping[str, int]:
        """Return the size in bytes of every file, by path."""
        return self._files

    def content_hash(self, path: str) -> str:
        """Return the hash that the Hub lists of a file, empty without one."""
        return self._hashes.get(path, "")

    def refused(self) -> Mapping[str, str]:
        """Return paths that leave the repository, or that cannot be shown on a page."""
        return self._refused

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """Return a whole file."""
        check_size(self, path, max_bytes)
        return self.head(path, length=max_bytes)

    def head(self, path: str, *, length: int) -> bytes:
        """Return the first bytes of a file, without downloading the rest."""
        if file_size(self, path) == 0:
            return b""
        return read_head(self._api, self.model, self.revision, path, length=length)

    def small_files(self, into: Path) -> Path:
        """Download config, tokenizer, templates and card into a folder, one request for each."""
        into.mkdir(parents=True, exist_ok=True)

        def save(path: str) -> None:
            size = self._files[path]
            save_file(self._api, self.model, self.revision, path, size=size, into=into)

        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as threads:
            list(threads.map(save, small_files(self._files)))
        return into

    def weights(self) -> Path:
        """Download the files that loading needs, and return a folder of links to them.

        Every file must have the content that the Hub lists for this commit.
        """
        paths = loadable_files(self._files)
        self._make_room(self._missing(paths))
        with hub_errors(self.model, self.revision):
            folder = self._api.snapshot_download(
                self.model,
                revision=self.revision,
                allow_patterns=[glob.escape(path) for path in paths],
            )
        for path in paths:
            check_content(Path(folder) / path, self._hashes.get(path, ""), model=self.model)
        note_use(Path(folder).parents[1])
        return linked_folder(Path(folder), paths, views=self._views)

    def _missing(self, paths: Iterable[str]) -> int:
        """Return the bytes of files that are not on this machine."""
        return sum(self._files[path] for path in paths if not self._is_here(path))

    def _is_here(self, path: str) -> bool:
        cache = constants.HF_HUB_CACHE
        found = try_to_load_from_cache(self.model, path, cache, revision=self.revision)
        return isinstance(found, str)


def open_hub_repository(model: str, revision: str, settings: Settings) -> HubRepository:
    """Find a repository on the Hub and pin its revision to a commit.

    A renamed repository is followed to its new name.

    Raises:
        ModelNotFound: The Hub has no such repository or revision for this token.
        StoreError: The Hub did not answer.
    """
    api = hub_api(settings.hub_endpoint, settings.token)
    info = read_info(api, model, revision)
    name, sha = str(info.get("id")), str(info.get("sha"))
    if not is_commit(sha) or not is_board_name(name):
        raise StoreError(f"The Hub at {api.endpoint} returned no commit for model {model!r}.")
    entries: list[Any] = info["siblings"] if isinstance(info.get("siblings"), list) else []
    listed = {str(entry["rfilename"]): int(entry.get("size") or 0) for entry in entries}
    check_count(model, len(listed))
    if entries and all(entry.get("size") is None for entry in entries):
        raise StoreError(
            f"The Hub at {api.endpoint} lists the files of model {model!r} without their sizes, so "
            "they cannot be checked. Use another server, or put the model into EVALBOARD_MODELS."
        )
    return HubRepository(
        api,
        model=name,
        revision=sha,
        files={path: size for path, size in listed.items() if is_safe_path(path)},
        hashes={str(entry["rfilename"]): listed_hash(entry) for entry in entries},
        refused={
            path: "its name leaves the repository, is not printable or contains HTML"
            for path in listed
            if not is_safe_path(path)
        },
        standing=Standing(
            *(info.get(key) not in (None, False) for key in ("private", "gated", "disabled"))
        ),
        views=settings.work_folder / "models",
        make_room=lambda missing: make_room(name, missing, settings),
    )
