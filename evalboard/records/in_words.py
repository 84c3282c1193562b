"""What a document says of answers in words, beside their accuracy."""

from collections.abc import Mapping
from typing import Any, NamedTuple

MEDIAN_TOKENS, P95_TOKENS = "median_tokens,none", "p95_tokens,none"
"""Metrics of a task: tokens of its answers with their thinking."""


class InWords(NamedTuple):
    """Figures of a benchmark's answers in words, or their means over several benchmarks."""

    strict: float
    """Accuracy where only a line of the form that was asked for counts, a fraction in [0, 1]."""
    read: float
    """Share of the answers that were read, in [0, 1]."""
    unfinished: float
    """Share of the answers that the limit ended, or that end within a thinking."""
    median_tokens: float
    p95_tokens: float
    """95th percentile."""


_METRICS = ("strict_acc,none", "read,none", "unfinished,none", MEDIAN_TOKENS, P95_TOKENS)


def in_words(metrics: Mapping[str, Any]) -> InWords | None:
    """Return the figures in a task's metrics, None for a task that has them not all."""
    found = (metrics.get(name) for name in _METRICS)
    numbers = [float(value) for value in found if isinstance(value, int | float)]
    return InWords(*numbers) if len(numbers) == len(_METRICS) else None
