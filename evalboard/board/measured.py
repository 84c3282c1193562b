"""What the results store knows of one row."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from evalboard.board.naming import find_row
from evalboard.board.rows import Row, build_rows
from evalboard.identity import row_identity
from evalboard.records.result import ResultDocument
from evalboard.suites.model import Suite


class Measured(NamedTuple):
    """A row, and how it was measured."""

    row: Row
    newest: ResultDocument
    """Its newest document."""
    configs: Mapping[str, Mapping[str, Any]]
    """Configuration of each task as it ran, by lm_eval's name of the task."""

    def generation(self, task: str) -> Mapping[str, Any]:
        """Return how the answers to a task were generated; empty where models rank choices."""
        return self.configs.get(task, {}).get("generation_kwargs") or {}


def find_measured(name: str, documents: Iterable[ResultDocument], suite: Suite) -> Measured:
    """Return the row with a name.

    Args:
        name: As readers see it; see `evalboard.board.naming`.
        documents: All documents of the store.
        suite: Of the board.

    Raises:
        ConfigError: There is no such row, or there are several.
    """
    listed = [d for d in documents if d.evalboard.suite == suite.name]
    rows = {row.identity: row for row in build_rows(listed, suite)}
    wanted = find_row(name, rows)
    own = [d for d in listed if row_identity(d.config.choice) == wanted]
    return _measured(rows[wanted], sorted(own, key=lambda d: d.evalboard.finished_time))


def _measured(row: Row, documents: Sequence[ResultDocument]) -> Measured:
    configs = {task: config for d in documents for task, config in d.configs.items()}
    return Measured(row, documents[-1], configs)
