"""Scores of other versions of lm-eval and of the backends than are installed. Pure."""

from collections.abc import Callable, Sequence

from evalboard.board.harnesses import Harnesses, versions_of
from evalboard.board.rows import Row
from evalboard.records.verdict import Versions

InstalledVersions = Callable[[str], Versions]
"""Returns the installed versions for a backend."""


def outdated_scores(
    row: Row, harnesses: Harnesses, installed: InstalledVersions, keys: Sequence[str]
) -> dict[str, Versions]:
    """Return what measured those scores of a row that do not compare with new ones, by benchmark key.

    Args:
        row: The row.
        harnesses: Which versions compare.
        installed: The installed versions.
        keys: Of the benchmarks that count.
    """
    found = {key: versions_of(row.scores[key].origin) for key in keys if key in row.scores}
    return {
        key: versions
        for key, versions in found.items()
        if harnesses.name(key, versions) != harnesses.name(key, installed(versions.backend))
    }
