"""What a document says of a benchmark that asks its questions several times, beside the accuracy."""

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

    def as_metrics(self) -> dict[str, float]:
        """Return the figures under their names in a document."""
        return {_metric(name): value for name, value in self._asdict().items() if value is not None}


def robustness(metrics: Mapping[str, Any]) -> Robustness | None:
    """Return the figures among a benchmark's metrics, None without one."""
    named = {name: metrics.get(_metric(name)) for name in Robustness._fields}
    known = {name: float(v) for name, v in named.items() if isinstance(v, int | float)}
    return Robustness(**known) if known else None


def mean_of(figures: Iterable[Robustness | None]) -> Robustness | None:
    """Return the mean of each figure over the benchmarks that have it, None without one."""
    columns = zip(*(one for one in figures if one), strict=True)
    known = [[value for value in column if value is not None] for column in columns]
    return Robustness(*(fmean(column) if column else None for column in known)) if known else None


def _metric(name: str) -> str:
    return f"{name},none"
