"""The part of an engine's work that needs trust, as the engine sees it.

An engine is confined: it has no token, no network and no folder of its own that lasts. Its holder
finds the model's files for it, and keeps its answers.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from evalboard.engine.streaming import Answer


class LoadableFiles(NamedTuple):
    """The files for a backend."""

    weights: Path
    """Full weights, config and tokenizer."""
    adapter: Path | None = None
    """Adapter to apply after loading, None if it is merged or there is none."""


class AnswerKeeper(Protocol):
    """The answers of one benchmark."""

    def get(self, key: str) -> Answer | None:
        """Return the answer to a request, None if there is none yet."""
        ...

    def add(self, answers: Iterable[tuple[str, Answer]]) -> None:
        """Keep answers. They survive the engine as soon as this returns.

        Raises:
            StoreError: They cannot be written.
        """
        ...


class Keeper(Protocol):
    """The holder of an engine."""

    def small_files(self) -> Path:
        """Return a folder with the model's config, tokenizer and templates; no weights.

        Raises:
            EvalboardError: They cannot be found.
        """
        ...

    def loadable_files(self) -> LoadableFiles:
        """Return the files for loading. They are downloaded or merged if necessary.

        Raises:
            EvalboardError: They cannot be found, or do not fit together.
        """
        ...

    def open_answers(self, benchmark: str, key: str) -> AnswerKeeper:
        """Return the answers of a benchmark that are known from earlier engines."""
        ...

    def note_progress(self, benchmark: str, done: int, total: int) -> None:
        """Record the number of answered questions and their total."""
        ...
