"""Whether a model knows what it knows: the confidence in its answer against how often it is right.

The confidence is the probability of the chosen answer among the choices. All metrics are None for models
that ranked no choices.
"""

import math

import numpy as np

from evalboard.metrics.answered import Answered

BINS = 15
"""As in Guo et al. (2017)."""
COVERAGE = 0.8


def expected_calibration_error(answered: Answered) -> float | None:
    """Return the mean distance of confidence and accuracy, in bins of equally many questions.

    Σ n_b / n |accuracy_b - confidence_b| over 15 bins; the questions are sorted by confidence, and equal ones
    by their order. Range: [0, 1], 0 is best. C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On Calibration
    of Modern Neural Networks", ICML 2017, with the bins of equal mass of K. Nguyen and B. O'Connor,
    "Posterior calibration and exploratory analysis for natural language processing models", EMNLP 2015.
    """
    if not _is_known(answered):
        return None
    order = np.argsort(answered.confidences, kind="stable")
    gaps = answered.correct[order].astype(np.float64) - answered.confidences[order]
    return float(sum(abs(math.fsum(some)) for some in np.array_split(gaps, BINS)) / len(gaps))


def brier_score(answered: Answered) -> float | None:
    """Return the mean square of confidence - right (1) or wrong (0).

    Range: [0, 1], 0 is best. G. W. Brier, "Verification of forecasts expressed in terms of probability",
    Monthly Weather Review 78 (1950), 1-3, for the event that the answer is right.
    """
    if not _is_known(answered):
        return None
    return float(np.square(answered.confidences - answered.correct).mean())


def confidence_auroc(answered: Answered) -> float | None:
    """Return the probability that a right answer has a higher confidence than a wrong one.

    Ties count half. Range: [0, 1]; 0.5 says that confidence tells nothing. J. A. Hanley and B. J. McNeil,
    "The meaning and use of the area under a receiver operating characteristic (ROC) curve", Radiology 143
    (1982), 29-36. None where all answers are right, or all wrong.
    """
    right = int(answered.correct.sum())
    wrong = len(answered.correct) - right
    if not _is_known(answered) or not right or not wrong:
        return None
    _, place, sizes = np.unique(answered.confidences, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[place]
    return float((ranks[answered.correct].sum() - right * (right + 1) / 2) / (right * wrong))


def selective_accuracy(answered: Answered) -> float | None:
    """Return the accuracy on the 80 % of questions that the model is most sure of, rounded up.

    Of questions with the same confidence, the earlier count. Range: [0, 1]. R. El-Yaniv and Y. Wiener,
    "On the foundations of noise-free selective classification", JMLR 11 (2010), 1605-1641.
    """
    if not _is_known(answered):
        return None
    order = np.argsort(-answered.confidences, kind="stable")
    return float(answered.correct[order[: math.ceil(COVERAGE * len(order))]].mean())


def _is_known(answered: Answered) -> bool:
    return not np.isnan(answered.confidences).any()
