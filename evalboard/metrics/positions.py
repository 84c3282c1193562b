"""Whether a model prefers choices by their position."""

import numpy as np

from evalboard.metrics.answered import Answered


def position_bias(answered: Answered) -> float | None:
    """Return the total variation distance of the positions chosen and those that are right.

    ½ Σ |share chosen - share right| over the positions. Range: [0, 1]; 0 where each position is chosen as
    often as it is right. C. Zheng, H. Zhou, F. Meng, J. Zhou and M. Huang, "Large Language Models Are Not
    Robust Multiple Choice Selectors", ICLR 2024, describe the bias. None where an answer is none of the
    choices.
    """
    if (answered.places < 0).any() or (answered.right_places < 0).any():
        return None
    size = int(answered.counts.max())
    chosen = np.bincount(answered.places, minlength=size)
    right = np.bincount(answered.right_places, minlength=size)
    return float(np.abs(chosen - right).sum() / 2 / len(answered.places))
