"""Rows that were measured with other versions than are installed, and what it costs to measure them again.

They go back to the queue as the rows of a backfill do: below ordinary submissions, the best model first.
"""

from collections.abc import Collection, Mapping
from functools import cache
from typing import NamedTuple

from evalboard.board.harnesses import Harnesses
from evalboard.board.outdated import InstalledVersions, outdated_scores
from evalboard.board.rows import Row, build_rows
from evalboard.engine.provenance import installed_versions
from evalboard.errors import ConfigError
from evalboard.identity import RowIdentity
from evalboard.queueing.backfill import MissingCells, cells_of
from evalboard.records.notice import Renames
from evalboard.records.spent import total
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_notices, open_verdicts
from evalboard.suites.boards import find_board
from evalboard.wording import plain


class OutdatedRow(NamedTuple):
    """A row whose scores do not compare with new ones."""

    cells: MissingCells
    """Its benchmarks, and its request."""
    versions: str
    """What measured them."""
    hours: float | None
    """What they took the last time; None if that of one of them is not stored."""
    gpu_hours: float | None


def find_outdated(
    settings: Settings,
    *,
    suite: str = "",
    models: Collection[str] = (),
    installed: InstalledVersions = installed_versions,
) -> list[OutdatedRow]:
    """Return the outdated rows of a suite, the best model first.

    Args:
        settings: The stores.
        suite: Name of the suite. Empty: the board's own.
        models: Names of the models that count. Empty: all.
        installed: Returns the installed versions for a backend.

    Raises:
        ConfigError: There is no such suite, or a model has no outdated row.
        StoreError: A store cannot be read.
    """
    asked = find_board(suite, settings).suite
    harnesses = Harnesses(open_verdicts(settings).read(), asked.name)
    rows = {row.identity: row for row in build_rows(open_archive(settings).read().documents, asked)}
    keys = [benchmark.key for benchmark in asked.benchmarks]
    known = cache(installed)
    found = {id_: outdated_scores(row, harnesses, known, keys) for id_, row in rows.items()}
    renames = Renames(open_notices(settings).read())
    names = {renames.current(name).casefold() for name in models}

    def is_named(row: RowIdentity) -> bool:
        return not names or renames.current(row.model).casefold() in names

    cells = cells_of(
        list(rows.values()),
        asked,
        settings,
        lambda row: list(found[row.identity]) if is_named(row.identity) else [],
    )
    if missing := names - {renames.current(one.row.model).casefold() for one in cells}:
        raise ConfigError(f"Model {plain(min(missing), 200)!r} has no outdated row.")
    return [_outdated(one, rows[one.row], found[one.row]) for one in cells]


def _outdated(cells: MissingCells, row: Row, versions: Mapping[str, object]) -> OutdatedRow:
    whole = total(row.scores[key].spent for key in cells.benchmarks)
    return OutdatedRow(
        cells,
        "; ".join(sorted({str(version) for version in versions.values()})),
        whole and whole.seconds / 3600,
        whole and whole.gpu_hours,
    )
