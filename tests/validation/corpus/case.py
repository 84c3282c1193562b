"""What one repository of the corpus is: how it is made, and what must be found in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


class Case(NamedTuple):
    """One repository, good or broken."""

    name: str
    """Says what is wrong with it; unique in the corpus."""
    code: str
    """Code that must be among the errors; empty for a good repository."""
    build: Callable[[Path], dict[str, Any] | None]
    """Makes the repository in an empty folder, which is found as `org/model`; a base model goes to
    `folder.parent / "base"`, found as `org/base`. Returns the fields of `Subject` that differ from
    a plain submission of `org/model`, if any."""
    where: str = ""
    """Text that the `where` of that error must hold, such as the file's name."""
