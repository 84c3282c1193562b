"""Read from the Hub within limits: whatever a server sends, only the requested amount is read.

The client's own `model_info`, `hf_hub_download` and `HfFileSystem` take whatever comes, and need a
second call for each file. Here one call reads a file, and reading ends at the bytes wanted.
"""

import errno
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import (
    build_hf_headers,
    hf_raise_for_status,
    http_stream_backoff,
    validate_repo_id,
)

from evalboard.errors import (
    MachineUnfit,
    ModelDisabled,
    ModelGated,
    ModelNotFound,
    RevisionNotFound,
    StoreError,
    TooManyFiles,
)
from evalboard.repositories.names import is_board_name

TIMEOUT_SECONDS = 30
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
INFO_BYTES = 20_000_000
SUMMARY_BYTES = 1_000_000


class HubSummary(NamedTuple):
    """What a Hub says of a model in a few words."""

    name: str
    """Its name there, another one than was asked for if it was renamed."""
    likes: int | None
    """Hearts that people gave it; None if the Hub does not count them."""


def read_info(api: HfApi, model: str, revision: str) -> dict[str, Any]:
    """Return the Hub's information about a model, with its files and their sizes.

    Raises:
        ModelNotFound: The Hub has no such repository or revision for this token.
        StoreError: The Hub did not answer.
    """
    with hub_errors(model, revision):
        validate_repo_id(model)
        url = f"{api.endpoint}/api/models/{model}/revision/{quote(revision, safe='')}?blobs=true"
        content = _read_start(api, url, INFO_BYTES + 1, retries=0)
    if len(content) > INFO_BYTES:
        raise TooManyFiles(
            f"The file list of model {model!r} has more than {INFO_BYTES:,} bytes. Submit a "
            "repository that contains only the model."
        )
    return _document(content, api, model)


def read_summary(api: HfApi, model: str) -> HubSummary:
    """Return what the Hub says of a model, without its files.

    Raises:
        ModelNotFound: The Hub has no such repository for this token.
        StoreError: The Hub did not answer.
    """
    with hub_errors(model, "main"):
        validate_repo_id(model)
        url = f"{api.endpoint}/api/models/{model}?expand=likes"
        content = _read_start(api, url, SUMMARY_BYTES, retries=1)
    info = _document(content, api, model)
    name, likes = info.get("id"), info.get("likes")
    return HubSummary(
        name if isinstance(name, str) and is_board_name(name) else model,
        likes if type(likes) is int and likes >= 0 else None,
    )


def _document(content: bytes, api: HfApi, model: str) -> dict[str, Any]:
    """Return what the Hub answered.

    Raises:
        StoreError: It is no JSON.
    """
    try:
        info = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise StoreError(
            f"The Hub at {api.endpoint} returned no JSON for model {model!r}."
        ) from exc
    return info if isinstance(info, dict) else {}


def read_head(api: HfApi, model: str, revision: str, path: str, *, length: int) -> bytes:
    """Return the first bytes of a file, without downloading the rest.

    Raises:
        ModelNotFound: The Hub lists the repository but denies access to its files.
        StoreError: The Hub did not answer.
    """
    url = hf_hub_url(model, path, revision=revision, endpoint=api.endpoint)
    with hub_errors(model, revision):
        return _read_start(api, url, length, headers={"Range": f"bytes=0-{length - 1}"})


def save_file(api: HfApi, model: str, revision: str, path: str, *, size: int, into: Path) -> None:
    """Download one file, in one request, into a folder.

    Args:
        api: The Hub and the token.
        model: The repository.
        revision: The commit.
        path: The file in the repository.
        size: Size in bytes as listed by the Hub. Any other size is an error.
        into: Target folder. The file keeps its path below it.

    Raises:
        ModelNotFound: The Hub lists the repository but denies access to its files.
        StoreError: The Hub did not answer, or sent another size than it lists.
    """
    url = hf_hub_url(model, path, revision=revision, endpoint=api.endpoint)
    with hub_errors(model, revision):
        content = _read_start(api, url, size + 1)
    if len(content) != size:
        raise StoreError(
            f"The Hub lists file {path!r} of model {model!r} with {size:,} bytes but sent "
            f"{'more' if len(content) > size else f'{len(content):,}'}. Try again."
        )
    target = into / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


@contextmanager
def hub_errors(model: str, revision: str) -> Iterator[None]:
    """Translate the errors of the Hub client into errors about the model, the Hub or the disk."""
    try:
        yield
    except RevisionNotFoundError as exc:
        raise RevisionNotFound(
            f"Model {model!r} has no revision {revision!r} on the Hub. Use one of its branches, "
            "tags or commits."
        ) from exc
    except GatedRepoError as exc:
        raise ModelGated(
            f"Model {model!r} is gated: the Hub gives its files only to users whom the owner has "
            "approved. Submit a public model, or request access for the board's token."
        ) from exc
    except DisabledRepoError as exc:
        raise ModelDisabled(
            f"Model {model!r} is disabled on the Hub. Submit another model."
        ) from exc
    except (RepositoryNotFoundError, HFValidationError) as exc:
        raise ModelNotFound(
            f"The Hub has no model {model!r}, or the model is private. Check the spelling, or make "
            "the repository public."
        ) from exc
    except (httpx2.HTTPError, OSError) as exc:
        if isinstance(exc, OSError) and exc.errno in DISK_FULL:
            raise MachineUnfit(
                f"Model {model!r} does not fit on the disk of {socket.gethostname()}: {exc}. Free "
                "some space, or set HF_HOME to a folder on a larger disk."
            ) from exc
        raise StoreError(
            f"Reading model {model!r} from the Hub failed ({type(exc).__name__}: {exc}). Try "
            "again, or set EVALBOARD_OFFLINE=1 to use only EVALBOARD_MODELS."
        ) from exc


def _read_start(
    api: HfApi, url: str, length: int, *, headers: Mapping[str, str] = {}, retries: int = 5
) -> bytes:
    """Read a number of bytes of a response and close it, even if the server ignored the range."""
    content = bytearray()
    sent = {**build_hf_headers(token=api.token), **headers}
    with http_stream_backoff(
        "GET", url, headers=sent, timeout=TIMEOUT_SECONDS, max_retries=retries
    ) as response:
        hf_raise_for_status(response)
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) >= length:
                break
    return bytes(content[:length])
