"""The answers of one unfinished benchmark, in a file of the work folder.

The file has one line of JSON per answer. A killed process leaves at most one incomplete line, which
the next process removes. Damaged lines in the middle are not believed: the file is moved aside, and
a new one takes its good lines.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from evalboard.engine.streaming import Answer, Kind, read_answer
from evalboard.errors import StoreError
from evalboard.files import append_whole, check_version, set_aside

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

KEY_LENGTH = 32


class AnswerLog:
    """Answers by the key of their request.

    Args:
        path: The file. Its name must contain the whole identity of the score, because a request's
        key contains only the request.

    Raises:
        StoreError: The file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._known = _read(path)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def known(self) -> list[tuple[str, Answer]]:
        """Return all answers with their keys."""
        return list(self._known.items())

    def get(self, key: str) -> Answer | None:
        """Return the answer to a request, None if there is none yet."""
        return self._known.get(key)

    def add(self, answers: Iterable[tuple[str, Answer]]) -> None:
        """Keep answers. They survive this process as soon as this returns.

        Raises:
            StoreError: They cannot be written. None of them is kept.
        """
        new = dict(answers)
        lines = "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in new.items())
        with _disk_errors(self._path):
            append_whole(self._file, lines.encode())
        self._known |= new


def request_keys(kind: Kind, requests: Sequence["Instance"]) -> list[str]:
    """Return a key for every request. Equal requests have equal keys if equal answers are correct.

    Generations are numbered, because several samples of one prompt differ.
    """
    seen: Counter[str] = Counter()
    keys: list[str] = []
    for request in requests:
        text = json.dumps([kind, *request.args], default=str, ensure_ascii=False)
        key = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:KEY_LENGTH]
        if kind == "generate_until":
            seen[key] += 1
            key = f"{key}-{seen[key]}"
        keys.append(key)
    return keys


def _read(path: Path) -> dict[str, Answer]:
    """Read the file. Remove an incomplete last line, and everything that is not an answer."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except IsADirectoryError:
        set_aside(path, "a folder is in its place")
        return {}
    end = content.rfind(b"\n") + 1
    lines = content[:end].split(b"\n")[:-1]
    if lines and (later := _later_version(lines[0])):
        set_aside(path, later, content)
        return {}
    known: dict[str, Answer] = {}
    good: list[bytes] = []
    problem = ""
    for number, line in enumerate(lines, start=1):
        try:
            key, answer = _pair(line)
        except (ValueError, TypeError, RecursionError) as exc:
            problem = problem or f"line {number}: {exc}"
        else:
            known[key] = answer
            good.append(line + b"\n")
    if problem:
        set_aside(path, problem, content, keep=b"".join(good))
    elif end < len(content):
        os.truncate(path, end)
    return known


def _pair(line: bytes) -> tuple[str, Answer]:
    """Return the key and the answer of a line.

    Raises:
        ValueError: The line contains no answer. TypeError, RecursionError: likewise.
    """
    pair: Any = json.loads(line)
    match pair:
        case [str(key), value]:
            return key, read_answer(value)
    raise ValueError("no key and answer")


def _later_version(line: bytes) -> str:
    """Return why a first line makes the file one of a later version, empty if it does not."""
    try:
        header: Any = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    try:
        check_version(header if isinstance(header, dict) else {})
    except ValueError as exc:
        return str(exc)
    return ""


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StoreError(
            f"Answers cannot be kept in {str(path)!r}: {exc.strerror}. Free disk space, or correct "
            "the permissions of the work folder."
        ) from exc
