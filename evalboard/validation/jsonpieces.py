"""Read JSON objects of strangers pair by pair, so that memory stays within what is kept.

A parsed document can take 25 times the bytes of its text (`[],[],…`). Here nothing is parsed before
its length is known, and whoever reads decides about each pair.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from evalboard.errors import EvalboardError

_SPACE = r"[ \t\n\r]*+"
_STRING = r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_KEY = re.compile(rf"{_SPACE}({_STRING}){_SPACE}:{_SPACE}")
_TEXT_VALUE = re.compile(_STRING)
_SEPARATOR = re.compile(rf"{_SPACE}([,}}]){_SPACE}")
_START = re.compile(rf"{_SPACE}\{{{_SPACE}(\}}{_SPACE})?")
LONGEST_KEY = 1000


class BadPiece(EvalboardError):
    """Raised when a text is not the JSON that was looked for. The message completes `it …`."""

    code = "bad_json"


class Pair(NamedTuple):
    """A key, and where its value starts."""

    key: str
    start: int


class Pieces:
    """A JSON object in a text, read from its first pair to its last.

    Iterate over the pairs and call `text` or `value` once for each.

    Args:
        text: Holds the object.
        start: Where it starts, after white space or not.

    Raises:
        BadPiece: While it is read: what stands there is no object, or a key is too long.
    """

    def __init__(self, text: str, start: int = 0) -> None:
        self._text = text
        self._at = start

    @property
    def end(self) -> int:
        """Where reading has come to: after the object when all pairs were read."""
        return self._at

    def __iter__(self) -> Iterator[Pair]:
        match = _START.match(self._text, self._at)
        if match is None:
            raise BadPiece("does not hold a JSON object")
        self._at = match.end()
        more = match[1] is None
        while more:
            key = _KEY.match(self._text, self._at)
            if key is None:
                raise BadPiece(f"is not JSON (no key at character {self._at:,})")
            if key.end(1) - key.start(1) > LONGEST_KEY:
                raise BadPiece(f"has a name of more than {LONGEST_KEY:,} characters")
            self._at = key.end()
            yield Pair(_string(key[1]), self._at)
            separator = _SEPARATOR.match(self._text, self._at)
            if separator is None:
                raise BadPiece(f"is not JSON (no ',' or '}}' at character {self._at:,})")
            self._at = separator.end()
            more = separator[1] == ","

    def text(self) -> str | None:
        """Read the value as a text; None when it is none, and then it is not read."""
        match = _TEXT_VALUE.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return _string(match[0])

    def value(self, *, longest: int) -> Any:
        """Read and parse the value.

        Args:
            longest: Most characters that it may have.

        Raises:
            BadPiece: It is longer, nested too deeply, not JSON, or has a key twice.
        """
        window = self._text[self._at : self._at + longest]
        try:
            value, end = _decoder().raw_decode(window)
        except RecursionError as exc:
            raise BadPiece("is nested too deeply") from exc
        except ValueError as exc:
            if self._at + longest < len(self._text):
                raise BadPiece(
                    f"has a value that is not JSON of at most {longest:,} characters"
                ) from exc
            raise BadPiece(f"is not JSON (at character {self._at:,})") from exc
        self._at += end
        return value

    def nested(self) -> "Pieces":
        """Return the value as an object to read; `resume` afterwards."""
        return Pieces(self._text, self._at)

    def resume(self, nested: "Pieces") -> None:
        """Go on after a value that was read by itself."""
        self._at = nested.end


def decode(content: bytes) -> str:
    """Return the text of a JSON file.

    Raises:
        BadPiece: It is not UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise BadPiece("is not text in UTF-8") from exc


def _string(quoted: str) -> str:
    text = quoted[1:-1]
    if "\\" not in text:
        return text
    found: str = json.loads(quoted)
    try:
        found.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise BadPiece("has half a character (a lone surrogate) in a text") from exc
    return found


@cache
def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found
