"""A model on the Hugging Face Hub, or on a server that speaks its protocol."""

import glob
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_stream_backoff

from evalboard.errors import ModelNotFound, StoreError
from evalboard.repositories.copying import copy_files, loadable_folder
from evalboard.repositories.names import is_board_name, is_safe_path
from evalboard.repositories.repository import check_size, file_size
from evalboard.repositories.selection import loadable_files, small_files
from evalboard.settings import Settings

TIMEOUT_SECONDS = 30


class HubRepository:
    """A repository on the Hub at one commit. Made by `open_hub_repository`."""

    def __init__(
        self, api: HfApi, *, model: str, revision: str, files: dict[str, int], views: Path
    ) -> None:
        self.model = model
        self.revision = revision
        self._api = api
        self._files = files
        self._views = views

    def files(self) -> Mapping[str, int]:
        """Return the size in bytes of every file, by path."""
        return self._files

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """Return a whole file, from the local cache when it was downloaded before."""
        check_size(self, path, max_bytes)
        with hub_errors(self.model, self.revision):
            local = self._api.hf_hub_download(self.model, path, revision=self.revision)
        return Path(local).read_bytes()

    def head(self, path: str, *, length: int) -> bytes:
        """Return the first bytes of a file, without downloading the rest."""
        if file_size(self, path) == 0:
            return b""
        url = hf_hub_url(self.model, path, revision=self.revision, endpoint=self._api.endpoint)
        headers = build_hf_headers(token=self._api.token)
        headers["Range"] = f"bytes=0-{length - 1}"
        with hub_errors(self.model, self.revision):
            return _read_stream(url, headers, length)

    def small_files(self, into: Path) -> Path:
        """Download config, tokenizer, templates and card, and copy them into a folder."""
        paths = small_files(self._files)
        return copy_files(self._download(paths), paths, into)

    def weights(self) -> Path:
        """Download what loading takes and return its folder."""
        paths = loadable_files(self._files)
        return loadable_folder(self._download(paths), paths, views=self._views)

    def _download(self, paths: list[str]) -> Path:
        """Return the snapshot's folder in the local cache, with at least these files in it."""
        with hub_errors(self.model, self.revision):
            folder = self._api.snapshot_download(
                self.model,
                revision=self.revision,
                allow_patterns=[glob.escape(path) for path in paths],
            )
        return Path(folder)


def open_hub_repository(model: str, revision: str, settings: Settings) -> HubRepository:
    """Find a repository on the Hub and pin its revision to a commit.

    A renamed repository is followed to its new name.

    Raises:
        ModelNotFound: The Hub has no such repository or revision for this token.
        StoreError: The Hub did not answer, so that nothing is known about the model.
    """
    token = settings.hf_token.get_secret_value() if settings.hf_token else None
    api = HfApi(endpoint=settings.hub_endpoint, token=token)
    with hub_errors(model, revision):
        info = api.model_info(
            model, revision=revision, files_metadata=True, timeout=TIMEOUT_SECONDS
        )
    if info.sha is None or not is_board_name(info.id):
        raise StoreError(f"The Hub at {api.endpoint} gave no commit for model {model!r}.")
    return HubRepository(
        api,
        model=info.id,
        revision=info.sha,
        files={
            sibling.rfilename: sibling.size or 0
            for sibling in info.siblings or ()
            if is_safe_path(sibling.rfilename)
        },
        views=settings.work_folder / "models",
    )


@contextmanager
def hub_errors(model: str, revision: str) -> Iterator[None]:
    """Translate the client's errors: what the Hub said about the model, or that it said nothing."""
    try:
        yield
    except RevisionNotFoundError as exc:
        raise ModelNotFound(
            f"Model {model!r} has no revision {revision!r} on the Hub. "
            "Give a branch, a tag or a commit sha that it has."
        ) from exc
    except GatedRepoError as exc:
        raise ModelNotFound(
            f"Model {model!r} is gated: the Hub gives its files only to those whom its owner let "
            "in. Submit a model that is open, or ask for access with the board's token."
        ) from exc
    except (RepositoryNotFoundError, DisabledRepoError, HFValidationError) as exc:
        raise ModelNotFound(
            f"The Hub has no model {model!r}, or it is private or disabled. "
            "Check the spelling and make the repository public."
        ) from exc
    except (httpx2.HTTPError, OSError) as exc:
        raise StoreError(
            f"The Hub could not be asked for model {model!r} ({type(exc).__name__}: {exc}). "
            "Nothing is known about the model; try again, or set EVALBOARD_OFFLINE=1 to use "
            "EVALBOARD_MODELS alone."
        ) from exc


def _read_stream(url: str, headers: dict[str, str], length: int) -> bytes:
    """Read so many bytes of an answer and hang up, whether or not the server heeded the range."""
    content = bytearray()
    with http_stream_backoff("GET", url, headers=headers, timeout=TIMEOUT_SECONDS) as response:
        hf_raise_for_status(response)
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) >= length:
                break
    return bytes(content[:length])
