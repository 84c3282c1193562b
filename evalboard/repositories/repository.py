"""What can be asked of a model's repository, whatever kind it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from evalboard.errors import EvalboardError, TooManyFiles

MOST_FILES = 10_000


class Standing(NamedTuple):
    """Who can get a repository."""

    private: bool = False
    gated: bool = False
    disabled: bool = False


class UnusableFile(EvalboardError):
    """Raised when a file of a repository is absent, or larger than its reader takes."""

    code = "unusable_file"


class Repository(Protocol):
    """One model at one revision."""

    @property
    def model(self) -> str:
        """`{org}/{name}` as the board calls it; `local/{folder name}` for a bare folder."""
        ...

    @property
    def revision(self) -> str:
        """40 hexadecimal digits: commit sha on the Hub, hash over the contents of a folder."""
        ...

    def files(self) -> Mapping[str, int]:
        """Return the size in bytes of every file, by path; folders in a path are parted by `/`."""
        ...

    def refused(self) -> Mapping[str, str]:
        """Return what is no part of the model, and why: paths and links that leave the repository.

        The reasons are sentences without a period.
        """
        ...

    @property
    def standing(self) -> Standing:
        """Who else can get it."""
        ...

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """Return a whole file.

        Raises:
            UnusableFile: It is not there, or larger than `max_bytes`.
            StoreError: The Hub did not answer.
        """
        ...

    def head(self, path: str, *, length: int) -> bytes:
        """Return the first `length` bytes of a file, fewer when it is shorter.

        A file on the Hub is not downloaded for that.

        Raises:
            UnusableFile: It is not there.
            StoreError: The Hub did not answer.
        """
        ...

    def small_files(self, into: Path) -> Path:
        """Copy what AutoConfig, AutoTokenizer and the checks need into a folder, and return it.

        Never weights, never code; see `evalboard.repositories.selection`.

        Raises:
            ModelNotFound: The Hub lists the repository but does not give its files out.
            StoreError: The Hub did not answer.
        """
        ...

    def weights(self) -> Path:
        """Return a folder from which the model can be loaded, without pickles and code.

        Raises:
            ModelNotFound: The Hub lists the repository but does not give its files out.
            StoreError: The Hub did not answer.
        """
        ...


def check_count(model: str, count: int) -> None:
    """Refuse a repository that has more files than are looked at.

    Raises:
        TooManyFiles: It has.
    """
    if count > MOST_FILES:
        raise TooManyFiles(
            f"Model {model!r} has more than {MOST_FILES:,} files. Submit a repository that "
            "contains only the model."
        )


def file_size(repository: Repository, path: str) -> int:
    """Return the size of a file in bytes.

    Raises:
        UnusableFile: It is not there.
    """
    size = repository.files().get(path)
    if size is None:
        raise UnusableFile(f"{repository.model!r} has no file {path!r}.")
    return size


def check_size(repository: Repository, path: str, max_bytes: int) -> None:
    """Refuse a file that is larger than its reader takes.

    Raises:
        UnusableFile: It is not there, or too large.
    """
    size = file_size(repository, path)
    if size > max_bytes:
        raise UnusableFile(
            f"File {path!r} of {repository.model!r} has {size:,} bytes; "
            f"at most {max_bytes:,} are read."
        )
