"""Read JSON files of strangers within limits."""

import json
from pathlib import Path
from typing import Any, NamedTuple

DOCUMENT_BYTES = 10_000_000


class Document(NamedTuple):
    """A JSON file that should hold an object."""

    exists: bool = True
    content: dict[str, Any] = {}
    """The object; empty when there is none to be had."""
    problem: str = ""
    """Why it cannot be read; empty when it was, or when there is no file."""


def read_document(path: Path, *, max_bytes: int = DOCUMENT_BYTES) -> Document:
    """Read a JSON file that may not be there."""
    if not path.is_file():
        return Document(exists=False)
    with path.open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        return Document(problem=f"it is larger than {max_bytes:,} bytes")
    return parse_document(content)


def parse_document(content: bytes) -> Document:
    """Parse the bytes of a JSON file."""
    try:
        value = json.loads(content)
    except RecursionError:
        return Document(problem="it is nested too deeply")
    except ValueError as exc:
        return Document(problem=f"it is not JSON ({exc})")
    if not isinstance(value, dict):
        return Document(problem="it does not hold a JSON object")
    return Document(content=value)
