"""Scores that punish wrong answers, as examinations do. Unit: points per question."""

import numpy as np

from evalboard.metrics.answered import Answered

MED_HALT_RIGHT, MED_HALT_WRONG = 1.0, -0.25


def pointwise_score(answered: Answered) -> float | None:
    """Return the mean of +1 for a right answer and -1 / (k - 1) for a wrong one of k choices.

    Range: [-1, 1]; guessing has the expectation 0. This is "formula scoring", the correction for guessing
    (R. L. Thorndike, Educational Measurement, 2nd ed., Washington 1971). None where a question has fewer
    than two choices.
    """
    if (answered.counts < 2).any():
        return None
    wrong = -1 / (answered.counts - 1)
    return float(np.where(answered.correct, 1.0, wrong).mean())


def med_halt_score(answered: Answered) -> float | None:
    """Return the mean of +1 for a right and -0.25 for a wrong answer, whatever the number of choices.

    Range: [-0.25, 1]. A. Pal, L. K. Umapathi and M. Sankarasubbu, "Med-HALT: Medical Domain Hallucination
    Test for Large Language Models", CoNLL 2023, 314-334, "Pointwise Score".
    """
    return float(np.where(answered.correct, MED_HALT_RIGHT, MED_HALT_WRONG).mean())
