"""What the result documents give to a board: read once, by their content.

A process remembers it, and the work folder keeps it for the next process. A document is read again where
it has changed, the suite asks for something else, or this project reads documents in another way.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import evalboard
from evalboard.board.kept_attempts import from_json, to_json
from evalboard.board.rows import Attempt, read_attempt
from evalboard.errors import StoreError
from evalboard.stores.results import ResultsSnapshot
from evalboard.stores.work import WorkFolder
from evalboard.suites.model import Suite

logger = logging.getLogger(__name__)

READERS = ("board/rows.py", "board/scores.py", "board/kept_attempts.py", "identity.py", "records")
"""Modules on which depends what a document gives."""
SPARE_LINES = 1000
"""Lines of documents that are gone, up to which the file is not written anew."""

_Given = dict[str, Attempt | None]
"""By blob id of a document, what it gives; None for nothing."""


class _Remembered(NamedTuple):
    given: _Given
    n_lines: int
    """Lines of the file in the work folder, as far as this process knows."""


_remembered: dict[tuple[Path, str], _Remembered] = {}
"""By work folder and the name of what is kept there."""


class DocumentMemory:
    """Reads the documents of several boards' results, each only once."""

    def __init__(self, work: WorkFolder, suites: Sequence[Suite]) -> None:
        self._work, self._suites = work, suites

    def attempts(self, results: ResultsSnapshot) -> dict[str, list[Attempt]]:
        """Return what the documents give, by name of the suite, in the order of their paths.

        Raises:
            ConflictError: A document has changed since the snapshot.
        """
        blobs = results.documents()
        before = [(suite, self._before(suite)) for suite in self._suites]
        unknown = {
            path: blob
            for path, blob in blobs.items()
            if any(blob not in known.given for _, known in before)
        }
        new: dict[str, _Given] = {suite.name: {} for suite in self._suites}
        for path, document, _ in results.read(unknown):
            for suite, known in before:
                if (blob := unknown[path]) not in known.given:
                    found = read_attempt(document, suite) if document else None
                    new[suite.name][blob] = found
        for suite, known in before:
            self._remember(suite, known, new[suite.name], blobs.values())
        return {suite.name: self._found(suite, blobs.values()) for suite in self._suites}

    def _found(self, suite: Suite, blobs: Iterable[str]) -> list[Attempt]:
        given = self._before(suite).given
        return [attempt for blob in blobs if (attempt := given[blob])]

    def _before(self, suite: Suite) -> _Remembered:
        """Return what this process remembers, or what the work folder has kept."""
        return _remembered.get((self._work.root, _name(suite))) or self._kept(suite)

    def _kept(self, suite: Suite) -> _Remembered:
        try:
            lines = self._work.documents_read(_name(suite))
            return _Remembered({blob: one and from_json(one) for blob, one in lines}, len(lines))
        except (StoreError, ValueError, TypeError) as exc:
            logger.warning("What documents give is not kept; all are read again: %s", exc)
            return _Remembered({}, 0)

    def _remember(
        self, suite: Suite, before: _Remembered, new: _Given, blobs: Iterable[str]
    ) -> None:
        known = before.given | new
        given = {blob: known[blob] for blob in blobs}
        n_lines = self._keep(suite, given, new, before.n_lines)
        _remembered[self._work.root, _name(suite)] = _Remembered(given, n_lines)

    def _keep(self, suite: Suite, given: _Given, new: _Given, n_lines: int) -> int:
        """Keep what was read, and return the number of lines. Nothing fails because it cannot be kept."""
        n_now = n_lines + len(new)
        try:
            if n_now > 2 * len(given) + SPARE_LINES:
                self._work.keep_documents_read(_name(suite), _lines(given))
                return len(given)
            if new:
                self._work.add_documents_read(_name(suite), _lines(new))
        except StoreError as exc:
            logger.warning("What documents give cannot be kept; they are read again: %s", exc)
        return n_now


def _lines(given: _Given) -> Iterator[tuple[str, Any]]:
    for blob, attempt in given.items():
        yield blob, attempt and to_json(attempt)


def _name(suite: Suite) -> str:
    """Return the name of what is kept: the suite's, and a digest of what it asks and how it is read."""
    digest = sha256(f"{suite.content_hash} {_readers()}".encode()).hexdigest()
    return f"{suite.name}/{digest[:16]}"


@cache
def _readers() -> str:
    return sha256(b"".join(path.read_bytes() for path in _sources(READERS))).hexdigest()


def _sources(names: Iterable[str]) -> Iterator[Path]:
    for name in names:
        place = Path(evalboard.__path__[0]) / name
        yield from [place] if place.is_file() else sorted(place.glob("*.py"))
