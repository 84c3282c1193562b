"""Answers to questions with choices, as metrics need them."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalboard.records.answers import Answers, text_column


class Answered(NamedTuple):
    """The answers of one model to the questions of one benchmark."""

    subjects: list[str]
    """What each question is about; empty texts where that is not known."""
    correct: NDArray[np.bool_]
    counts: NDArray[np.int64]
    """Number of choices of each question; 0 where the question has none."""
    targets: list[str]
    """The text of the right choice."""
    answers: list[str]
    """The text of the chosen one; empty where there is none."""
    places: NDArray[np.int64]
    """Position of the chosen one among the choices, from 0; -1 where it is none of them."""
    right_places: NDArray[np.int64]
    """Position of the right one."""
    confidences: NDArray[np.float64]
    """Probability of the chosen one among the choices, in (0, 1]; NaN where the model ranked none."""


def read(answers: Answers) -> Answered | None:
    """Return what metrics need, None where questions earn fractions."""
    if None in answers.correct or not answers.correct:
        return None
    choices = _lists(answers, "choices")
    values = _lists(answers, "loglikelihoods")
    targets, chosen = text_column(answers.table, "target"), text_column(answers.table, "answer")
    return Answered(
        subjects=[subject for subject, _, _ in answers.questions],
        correct=np.array(answers.correct, np.bool_),
        counts=np.array([len(some) for some in choices], np.int64),
        targets=targets,
        answers=chosen,
        places=_places(chosen, choices),
        right_places=_places(targets, choices),
        confidences=np.array(
            [
                _confidence(place, some[: len(options)])
                for place, some, options in zip(
                    _places(chosen, choices).tolist(), values, choices, strict=True
                )
            ],
            np.float64,
        ),
    )


def _lists(answers: Answers, name: str) -> list[list[Any]]:
    if name not in answers.table.column_names:
        return [[] for _ in answers.correct]
    return [found or [] for found in answers.table.column(name).to_pylist()]


def _places(texts: list[str], choices: list[list[Any]]) -> NDArray[np.int64]:
    pairs = zip(texts, choices, strict=True)
    return np.array([some.index(text) if text in some else -1 for text, some in pairs], np.int64)


def _confidence(place: int, loglikelihoods: list[float | None]) -> float:
    values = np.array([np.nan if v is None else v for v in loglikelihoods], np.float64)
    if place < 0 or place >= len(values) or not np.isfinite(values).all():
        return float("nan")
    weights = np.exp(values - values.max())
    return float(weights[place] / weights.sum())
