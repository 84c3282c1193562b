"""How a suite makes the average of a row, and what a row needs for a rank."""

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from evalboard.records.columns import FLAGS
from evalboard.suites.texts import Words

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Average(BaseModel):
    """What the average of a row is the mean of. By default the mean of the scores, each alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Literal["benchmarks", "groups"] = "benchmarks"
    """`groups`: the mean of each heading's benchmarks first, then the mean of these means."""
    scores: Literal["raw", "normalised"] = "raw"
    """`normalised`: of scores on the scale from guessing (0) to perfect (1)."""


class ColumnGroup(BaseModel):
    """One heading of a board's columns: what its benchmarks test together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[str, Field(min_length=1)]
    """The heading, as its benchmarks name it in `group`."""
    weight: Weight = 1.0
    """In an average of groups, compared with the other groups. 0 leaves the group out."""
    tests: Words = ""
    """The ability that the group tests, in one sentence, for the About page."""


class Ranked(BaseModel):
    """What a row needs for a rank, beside an average."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    needs: Literal["all", "averaged"] = "all"
    """Scores of all benchmarks, or of those that count in the average."""
    without: tuple[str, ...] = ()
    """Flags that a ranked row cannot have."""

    @field_validator("without")
    @classmethod
    def _are_flags(cls, flags: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [flag for flag in flags if flag not in FLAGS]:
            raise ValueError(f"there is no flag {unknown[0]!r}; the flags are {', '.join(FLAGS)}")
        return flags


class Weighted(NamedTuple):
    """One benchmark, as far as averages need it."""

    key: str
    weight: float
    group: str


def weights(
    benchmarks: Iterable[Weighted], average: Average, groups: Mapping[str, float]
) -> dict[str, float]:
    """Return the weight of every benchmark in the average, by key; 0 for one that does not count.

    Only their ratios matter. In an average of groups, the weights of a group's benchmarks share the
    weight of the group, so the mean of all is the mean of the groups' means.

    Args:
        benchmarks: The benchmarks.
        average: How the average is made.
        groups: Weight of each group by its title; 1 for one that is absent.
    """
    listed = list(benchmarks)
    if average.of == "benchmarks":
        return {benchmark.key: benchmark.weight for benchmark in listed}
    sums = {
        group: math.fsum(b.weight for b in listed if b.group == group)
        for group in {b.group for b in listed}
    }
    return {
        b.key: b.weight / sums[b.group] * groups.get(b.group, 1.0) if b.weight else 0.0
        for b in listed
    }
