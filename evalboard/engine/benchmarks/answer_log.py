"""The answers of one unfinished benchmark, in a file of the work folder.

The file has one line of JSON per answer. A killed process leaves at most one incomplete line, which
the next process removes.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lm_eval.api.instance import Instance

from evalboard.engine.streaming import Answer, Kind

KEY_LENGTH = 32


class AnswerLog:
    """Answers by the key of their request.

    Args:
        path: The file. Its name must contain the whole identity of the score, because a request's
        key contains only the request.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._known = _read(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def get(self, key: str) -> Answer | None:
        """Return the answer to a request, None if there is none yet."""
        return self._known.get(key)

    def add(self, answers: Iterable[tuple[str, Answer]]) -> None:
        """Keep answers. They survive this process as soon as this returns."""
        lines = []
        for key, answer in answers:
            self._known[key] = answer
            lines.append(json.dumps([key, answer], ensure_ascii=False) + "\n")
        os.write(self._file, "".join(lines).encode())


def request_keys(kind: Kind, requests: Sequence[Instance]) -> list[str]:
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
    """Read the file, and remove an incomplete last line."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    known: dict[str, Answer] = {}
    for line in whole.splitlines():
        key, answer = json.loads(line)
        known[key] = tuple(answer) if isinstance(answer, list) else answer
    return known
