"""The rows that are asked again after an upgrade. Pure."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from evalboard.board.harnesses import Harnesses
from evalboard.board.naming import find_row
from evalboard.board.outdated import InstalledVersions, outdated_scores
from evalboard.board.rows import Row, average_of_known
from evalboard.records.verdict import Versions
from evalboard.suites.model import Suite


class Anchor(NamedTuple):
    """A row, and the benchmarks on which it is asked again."""

    row: Row
    old: Versions
    """What measured its scores."""
    benchmarks: tuple[str, ...]
    """Keys, at least one."""


def choose_anchors(
    rows: Sequence[Row],
    suite: Suite,
    harnesses: Harnesses,
    installed: InstalledVersions,
    *,
    benchmarks: Sequence[str],
    models: Sequence[str],
    number: int,
) -> list[Anchor]:
    """Return the rows that tell whether scores of old versions compare with those of the installed ones.

    For each old version, the rows are split by their scores into as many parts as anchors are asked for,
    and the smallest model of each part is one: small models are cheap, and how far versions differ may
    depend on how good a model is.

    Args:
        rows: All rows of the board.
        suite: Its suite.
        harnesses: Which versions compare, as far as known.
        installed: The installed versions.
        benchmarks: Keys of the benchmarks that are asked.
        models: Names of the anchors; empty to choose them.
        number: How many to choose for each old version.

    Raises:
        ConfigError: A name is that of no row, or of several.
    """
    by_name = {row.identity: row for row in rows}
    named = [by_name[find_row(name, by_name)] for name in models]
    by_version: dict[Versions, list[Anchor]] = defaultdict(list)
    for row in named or rows:
        found = outdated_scores(row, harnesses, installed, benchmarks)
        for old in dict.fromkeys(found.values()):
            keys = tuple(key for key, versions in found.items() if versions == old)
            by_version[old].append(Anchor(row, old, keys))
    chosen = [some if named else _spread(some, suite, number) for some in by_version.values()]
    return [anchor for some in chosen for anchor in some]


def _spread(anchors: Sequence[Anchor], suite: Suite, number: int) -> list[Anchor]:
    def score(anchor: Anchor) -> float:
        values = {key: score.value for key, score in anchor.row.scores.items()}
        return average_of_known(values, suite) or 0.0

    most = max(len(anchor.benchmarks) for anchor in anchors)
    ordered = sorted((a for a in anchors if len(a.benchmarks) == most), key=score)
    ends = [round(part * len(ordered) / number) for part in range(number + 1)]
    parts = [ordered[start:stop] for start, stop in zip(ends, ends[1:], strict=False)]
    return [min(part, key=_size) for part in parts if part]


def _size(anchor: Anchor) -> float:
    return anchor.row.config.params_billion or math.inf
