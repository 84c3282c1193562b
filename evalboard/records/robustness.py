"""What a document says of a benchmark that asks its questions several times, beside the accuracy."""

import math
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any, NamedTuple


class Robustness(NamedTuple):
    """Figures of one benchmark, or their means over several; None for what it does not measure."""

    right_under_all: float | None = None
    """Share of the questions that are right in every order of their choices, or in every language, in
    [0, 1]."""
    flip_rate: float | None = None
    """Share of the questions whose chosen choice is not the same in every order, in [0, 1]."""
    position_bias: float | None = None
    """Distance of the chosen places from equal shares, in [0, 1]; 0 is best."""
    spread: float | None = None
    """Standard deviation of the accuracies of several runs, at least 0."""
    original_advantage: float | None = None
    """Accuracy in the order of the data set minus that in the other orders, in [-1, 1]."""
    original_z: float | None = None
    """This advantage in standard errors; that of a row is Stouffer's sum over its benchmarks."""

    def as_metrics(self) -> dict[str, float]:
        """Return the figures under their names in a document."""
        return {_metric(name): value for name, value in self._asdict().items() if value is not None}


def robustness(metrics: Mapping[str, Any]) -> Robustness | None:
    """Return the figures among a benchmark's metrics, None without one."""
    named = {name: metrics.get(_metric(name)) for name in Robustness._fields}
    known = {name: float(v) for name, v in named.items() if isinstance(v, int | float)}
    return Robustness(**known) if known else None


def mean_of(figures: Iterable[Robustness | None]) -> Robustness | None:
    """Return the mean of each figure over the benchmarks that have it, None without one.

    Of `original_z` it is the sum divided by the root of their number, which is again normal with variance 1
    (S. A. Stouffer and others, "The American Soldier", volume 1, Princeton 1949).
    """
    columns = zip(*(one for one in figures if one), strict=True)
    known = [[value for value in column if value is not None] for column in columns]
    if not known:
        return None
    means = Robustness(*(fmean(column) if column else None for column in known))
    scores = known[Robustness._fields.index("original_z")]
    return means._replace(original_z=sum(scores) / math.sqrt(len(scores))) if scores else means


def _metric(name: str) -> str:
    return f"{name},none"
