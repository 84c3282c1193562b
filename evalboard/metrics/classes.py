"""Metrics of questions that all have the same choices, as PubMedQA's yes, no and maybe."""

import numpy as np

from evalboard.metrics.answered import Answered

MOST_CLASSES = 10


def macro_f1(answered: Answered) -> float | None:
    """Return the mean over the classes of 2 TP / (2 TP + FP + FN).

    A class is a right answer that occurs; an answer that is no class counts as wrong. Range: [0, 1]. Q. Jin,
    B. Dhingra, Z. Liu, W. Cohen and X. Lu, "PubMedQA: A Dataset for Biomedical Research Question Answering",
    EMNLP 2019, reports it beside accuracy. None with more than ten right answers, or one: such questions
    have no classes.
    """
    targets, answers = np.array(answered.targets), np.array(answered.answers)
    classes = sorted(set(answered.targets))
    if not 2 <= len(classes) <= MOST_CLASSES:
        return None
    scores: list[float] = []
    for name in classes:
        hits = int(((targets == name) & (answers == name)).sum())
        scores.append(2 * hits / int((targets == name).sum() + (answers == name).sum()))
    return float(np.mean(scores))
