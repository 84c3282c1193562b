"""The interface of a model's repository, on the Hub or in a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from evalboard.errors import EvalboardError, TooManyFiles

MAX_FILES = 10_000


class Standing(NamedTuple):
    """Who has access to a repository."""

    private: bool = False
    gated: bool = False
    disabled: bool = False


class UnusableFile(EvalboardError):
    """Raised when a file of a repository is missing, or larger than its reader accepts."""

    code = "unusable_file"


class Repository(Protocol):
    """One model at one revision."""

    @property
    def model(self) -> str:
        """`{org}/{name}`, the name on the board; `local/{folder name}` for a bare folder."""
        ...

    @property
    def revision(self) -> str:
        """40 hexadecimal digits: commit sha on the Hub, hash over the contents of a folder."""
        ...

    def files(self) -> Mapping[str, int]:
        """Return the size in bytes of every file, by path with `/` as separator."""
        ...

    def content_hash(self, path: str) -> str:
        """Return the sha256 of a file, or git's id of its content; empty if it is not known."""
        ...

    def refused(self) -> Mapping[str, str]:
        """Return the ignored files with a reason each, such as links that leave the repository.

        The reasons are sentences without a period.
        """
        ...

    @property
    def standing(self) -> Standing:
        """Who else has access to the repository."""
        ...

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """Return a whole file.

        Raises:
            UnusableFile: The file is missing, or larger than `max_bytes`.
            StoreError: The Hub did not answer.
        """
        ...

    def head(self, path: str, *, length: int) -> bytes:
        """Return the first `length` bytes of a file, fewer when it is shorter.

        A file on the Hub is not downloaded for this.

        Raises:
            UnusableFile: The file is missing.
            StoreError: The Hub did not answer.
        """
        ...

    def small_files(self, into: Path) -> Path:
        """Copy what AutoConfig, AutoTokenizer and the checks need into a folder, and return it.

        Never weights, never code; see `evalboard.repositories.selection`.

        Raises:
            ModelNotFound: The Hub lists the repository but denies access to its files.
            StoreError: The Hub did not answer.
        """
        ...

    def weights(self) -> Path:
        """Return a folder from which the model can be loaded, without pickles and code.

        Raises:
            ModelNotFound: The Hub lists the repository but denies access to its files.
            StoreError: The Hub did not answer.
        """
        ...


def check_count(model: str, count: int) -> None:
    """Refuse a repository with too many files.

    Raises:
        TooManyFiles: The repository has more files than the limit.
    """
    if count > MAX_FILES:
        raise TooManyFiles(
            f"Model {model!r} has more than {MAX_FILES:,} files. Submit a repository that "
            "contains only the model."
        )


def file_size(repository: Repository, path: str) -> int:
    """Return the size of a file in bytes.

    Raises:
        UnusableFile: The file is missing.
    """
    size = repository.files().get(path)
    if size is None:
        raise UnusableFile(f"{repository.model!r} has no file {path!r}.")
    return size


def check_size(repository: Repository, path: str, max_bytes: int) -> None:
    """Refuse a file that is larger than its reader accepts.

    Raises:
        UnusableFile: The file is missing or too large.
    """
    size = file_size(repository, path)
    if size > max_bytes:
        raise UnusableFile(
            f"File {path!r} of {repository.model!r} has {size:,} bytes; "
            f"at most {max_bytes:,} are read."
        )
