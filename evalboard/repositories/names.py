"""The rules for names of models and revisions. Names come from strangers and become paths."""

import os
import re
from pathlib import Path
from urllib.parse import unquote

from evalboard.errors import ConfigError

MAX_PART_CHARACTERS = 96
MAX_PATH_CHARACTERS = 500
_PART = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9._-]{{0,{MAX_PART_CHARACTERS - 1}}}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_ADDRESS = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/([^/?#\s]+/[^/?#\s]+)"
    r"(?:/(?:tree|blob|resolve|raw|commits?)/([^/?#\s]+)(?:/[^?#\s]*)?)?/?(?:[?#]\S*)?"
)
FOLDERS = "local/"
"""Start of the board's names of models that are given as folders."""
_FOLDER_STARTS = ("/", "./", "../")


def is_folder_path(model: str) -> bool:
    """Return whether a model is given as a folder: `/…`, `./…` or `../…`.

    Only the spelling decides, so a name from a form never becomes a folder by accident.
    """
    return model.startswith(_FOLDER_STARTS) or model in (".", "..")


def folder_of(model: str) -> Path | None:
    """Return the folder of a model that is given as a folder, None for a name."""
    return Path(os.path.realpath(model)) if is_folder_path(model) else None


def is_board_name(model: str) -> bool:
    """Return whether a text is a model name, `{org}/{name}`."""
    parts = model.split("/")
    return len(parts) == 2 and all(_PART.fullmatch(part) and ".." not in part for part in parts)


def read_address(text: str) -> tuple[str, str]:
    """Return the model and the revision of an address on the Hub; any other text is the model.

    The revision is empty if the address has none.
    """
    address = _HUB_ADDRESS.fullmatch(text.strip())
    return (address[1], unquote(address[2] or "")) if address else (text, "")


def check_board_name(model: str) -> None:
    """Refuse a text that is not a model name.

    Raises:
        ConfigError: The text is not of the form `{org}/{name}`.
    """
    if not is_board_name(model):
        if is_board_name(f"org/{model}"):
            raise ConfigError(
                f"{model!r} is not a whole model name: its organisation is missing. Use "
                f"'org/{model}' with the organisation that has the model on the Hub."
            )
        raise ConfigError(
            f"{model[:200]!r} is not a model name. Use `org/name` with letters, digits, '.', '_' "
            f"and '-', at most {MAX_PART_CHARACTERS} characters each."
        )


def check_revision(revision: str) -> None:
    """Refuse a text that is not a branch, tag or commit.

    Raises:
        ConfigError: The text cannot be a revision.
    """
    if not _REVISION.fullmatch(revision) or ".." in revision:
        raise ConfigError(
            f"{revision[:200]!r} is not a revision. Use a branch, a tag or a commit sha."
        )


def is_commit(revision: str) -> bool:
    """Return whether a revision is pinned: a commit sha, or the content hash of a folder."""
    return _COMMIT.fullmatch(revision) is not None


def folder_model_name(folder: Path) -> str:
    """Return the name of a bare folder on a board: `local/{its name, cleaned}`."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", os.path.basename(os.path.realpath(folder)))
    name = re.sub(r"\.{2,}", ".", name).strip(".-")[:MAX_PART_CHARACTERS]
    return f"{FOLDERS}{name or 'model'}"


def is_safe_path(path: str) -> bool:
    """Return whether a path stays inside its repository and can be shown on a page.

    HTML tags in a name are useful only to an attacker.
    """
    parts = path.split("/")
    plain = path.isprintable() and not set(path) & set('\\<>"') and len(path) <= MAX_PATH_CHARACTERS
    return plain and not {"", ".", ".."} & set(parts)
