"""Read strangers' JSON files within limits."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.errors import EvalboardError
from evalboard.validation.lfs import POINTER, is_pointer

DOCUMENT_BYTES = 10_000_000
MAX_VALUES = 1_500_000
"""Limit of values in a document. Parsed, they take at most 100 MB; a parsed document can take 25
times its text (`[],[],…`). A header of 16 MB has 1,100,000 values, an index of 300,000 tensors
slightly more than 300,000.
"""
MAX_NAME_CHARACTERS = 1000

Pairs = tuple[tuple[str, Any], ...]
"""An object as its pairs. Arrays are lists, so the two are distinguishable."""


class BadJson(EvalboardError):
    """Raised when a text is not the expected JSON. The message completes `it …`."""

    code = "bad_json"


class Document(NamedTuple):
    """A JSON file that should contain an object."""

    exists: bool = True
    content: dict[str, Any] = {}
    """The object, empty if the file is unreadable or missing."""
    problem: str = ""
    """Why it is unreadable, empty if it was read or is missing."""

    @property
    def is_pointer(self) -> bool:
        """Whether a Git LFS pointer is in its place."""
        return POINTER in self.problem


def read_document(path: Path, *, max_bytes: int = DOCUMENT_BYTES) -> Document:
    """Read a JSON file that may be missing."""
    if not path.is_file():
        return Document(exists=False)
    with path.open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        return Document(problem=f"it is larger than {max_bytes:,} bytes")
    return parse_document(content)


def parse_document(content: bytes) -> Document:
    """Parse the bytes of a JSON file."""
    if is_pointer(content):
        return Document(problem=f"it {POINTER}")
    try:
        value = json.loads(content)
    except RecursionError:
        return Document(problem="it is nested too deeply")
    except ValueError as exc:
        return Document(problem=f"it is not JSON ({exc})")
    if not isinstance(value, dict):
        return Document(problem="it is not a JSON object")
    return Document(content=value)


def parse_pairs(content: bytes) -> Pairs:
    """Parse an object into its pairs, and every object in it into its own.

    No key hides another: a repeated name gives two pairs.

    Raises:
        BadJson: It is not a JSON object in UTF-8, has too many values, or is nested too deeply.
    """
    if sum(content.count(mark) for mark in (b",", b"[", b"{")) > MAX_VALUES:
        raise BadJson(f"has more than {MAX_VALUES:,} values")
    try:
        found = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=tuple,
            parse_int=_integer,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as exc:
        raise BadJson("is not text in UTF-8") from exc
    except RecursionError as exc:
        raise BadJson("is nested too deeply") from exc
    except json.JSONDecodeError as exc:
        raise BadJson(f"is not JSON ({exc.msg} at character {exc.pos:,})") from exc
    except ValueError as exc:
        raise BadJson(f"is not JSON ({exc})") from exc
    if not isinstance(found, tuple):
        raise BadJson("is not a JSON object")
    return found


def repeated_key(pairs: Pairs) -> str:
    """Return the first repeated key of an object that has one."""
    return next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)


def check_name(name: str) -> None:
    """Refuse a key that cannot be the name of a tensor.

    Raises:
        BadJson: The key is too long, or is not text that can be stored.
    """
    if len(name) > MAX_NAME_CHARACTERS:
        raise BadJson(f"has a name of more than {MAX_NAME_CHARACTERS:,} characters")
    if not is_text(name):
        raise BadJson("has a name with a lone surrogate (half a character)")


def is_text(text: str) -> bool:
    """Return whether a text can be written as UTF-8: JSON can contain lone surrogates."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _integer(digits: str) -> int | float:
    # safetensors refuses this one as a size, too.
    return -0.0 if digits == "-0" else int(digits)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")
