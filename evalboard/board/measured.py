"""What the results store knows of one row."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from evalboard.board.naming import find_row
from evalboard.board.notices import noticed
from evalboard.board.rows import Row, merge_attempts, read_attempts
from evalboard.identity import RowIdentity, row_identity
from evalboard.records.notice import Notice, Renames
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


def find_measured(
    name: str,
    documents: Iterable[ResultDocument],
    suite: Suite,
    notices: Sequence[Notice] = (),
) -> Measured:
    """Return the row with a name.

    Args:
        name: As readers see it; see `evalboard.board.naming`.
        documents: All documents of the store.
        suite: Of the board.
        notices: What the operator says of models. A renamed one is found under each of its names.

    Raises:
        ConfigError: There is no such row, or there are several.
    """
    listed = [d for d in documents if d.evalboard.suite == suite.name]
    attempts = noticed(read_attempts(listed, suite), notices)
    rows = {row.identity: row for row in merge_attempts(attempts, suite)}
    renames = Renames(notices)
    wanted = find_row(name, rows, renames)
    own = [d for d in listed if _row_of(d, renames) == wanted]
    return _measured(rows[wanted], sorted(own, key=lambda d: d.evalboard.finished_time))


def _row_of(document: ResultDocument, renames: Renames) -> RowIdentity:
    measured = row_identity(document.config.choice)
    return measured._replace(model=renames.current(measured.model))


def _measured(row: Row, documents: Sequence[ResultDocument]) -> Measured:
    configs = {task: config for d in documents for task, config in d.configs.items()}
    return Measured(row, documents[-1], configs)
