"""How large a difference must be to be significant: S. Holm's limits, and C. E. Bonferroni's.

Holm's step-down method is of "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal
of Statistics 6 (1979), 65-70.
"""

from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05
"""Probability of a wrong range, for each row."""

_normal = NormalDist()


def critical_value(comparisons: int) -> float:
    """Return how many standard errors a difference must exceed in one of so many comparisons."""
    return _normal.inv_cdf(1 - LEVEL / 2 / max(comparisons, 1))


@cache
def critical_values(comparisons: int) -> NDArray[np.float32]:
    """Return how many standard errors a difference must exceed, by the number of comparisons.

    Args:
        comparisons: The largest number.

    Returns:
        For 0 to `comparisons`; 0 is as 1.
    """
    return np.array([critical_value(count) for count in range(comparisons + 1)], np.float32)


def holm_limits(
    leads: NDArray[np.floating[Any]], comparisons: NDArray[np.integer[Any]]
) -> NDArray[np.float32]:
    """Return by row what a difference must exceed, in standard errors, by Holm's step-down method.

    All differences that exceed a step's limit can be taken in one step, since the next limits are lower.

    Args:
        leads: Rows by all rows, in standard errors; 0 of a row over itself and over others than peers.
        comparisons: Of each row with its peers.
    """
    sizes = np.abs(leads)
    values = critical_values(int(comparisons.max(initial=1)))
    found = np.zeros(len(leads), np.intp)
    while True:
        now = values[np.maximum(comparisons - found, 0)]
        more = np.count_nonzero(sizes > now[:, None], axis=1)
        if (more == found).all():
            return now
        found = more
