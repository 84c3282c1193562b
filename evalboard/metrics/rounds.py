"""Answers to the same questions that a model was asked several times: in other orders, runs or languages."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalboard.metrics.answered import Answered, read
from evalboard.metrics.positions import position_bias
from evalboard.records.answers import Answers
from evalboard.records.robustness import Robustness
from evalboard.suites.model import Benchmark


class Rounds(NamedTuple):
    """Answers by round and question."""

    correct: NDArray[np.bool_]
    """Rounds by questions."""
    places: NDArray[np.int64]
    """Position of the chosen choice as the round has it, from 0; -1 for none. Rounds by questions."""
    counts: NDArray[np.int64]
    """Number of choices of each question."""
    answered: Answered
    """All answers together: every right choice is at every place once."""


def repeated_metrics(benchmark: Benchmark, answers: Answers) -> dict[str, float]:
    """Return what a document says of a benchmark that repeats its questions, beside the accuracy.

    With its standard error, which a mean over unlike questions does not have: each question counts once,
    by its mean over the rounds. Empty for other benchmarks, and where a round lacks a question.
    """
    rounds = _rounds(answers, benchmark)
    figures = robustness_of(benchmark, answers)
    if rounds is None or figures is None:
        return {}
    return {benchmark.stderr_metric: standard_error(rounds), **figures.as_metrics()}


def robustness_of(benchmark: Benchmark, answers: Answers) -> Robustness | None:
    """Return the figures of a benchmark that repeats its questions, None for any other."""
    rounds = _rounds(answers, benchmark)
    if rounds is None:
        return None
    if benchmark.robustness == "repeats":
        return Robustness(spread=spread(rounds))
    if benchmark.robustness == "translations":
        return Robustness(right_under_all=right_under_all(rounds))
    return Robustness(
        right_under_all(rounds),
        flip_rate(rounds),
        position_bias(rounds.answered),
        None,
        *original_advantage(rounds),
    )


def right_under_all(rounds: Rounds) -> float:
    """Return the share of the questions that are right in every round. Range: [0, 1]."""
    return float(rounds.correct.all(axis=0).mean())


def flip_rate(rounds: Rounds) -> float | None:
    """Return the share of the questions whose chosen choice is not the same in all orders.

    In the order k, the choice at place p is that at place p + k of the data set, counted round. Range:
    [0, 1]; 0 is best. P. Pezeshkpour and E. Hruschka, "Large Language Models Sensitivity to The Order of
    Options in Multiple-Choice Questions", Findings of NAACL 2024, measure this. None where an answer is
    none of the choices.
    """
    if (rounds.places < 0).any():
        return None
    orders = np.arange(len(rounds.places))[:, None]
    chosen = (rounds.places + orders) % rounds.counts
    return float((chosen != chosen[0]).any(axis=0).mean())


def original_advantage(rounds: Rounds) -> tuple[float, float | None]:
    """Return how much better a model is in the order of the data set, and that in standard errors.

    A model that has learned the questions by heart knows the order of their choices, too; one that knows the
    answers does not care. Paired by question: d is 1 or 0 in the original order minus the mean over the other
    orders. The first number is the mean of d, in [-1, 1], the second the mean divided by its standard error
    (n - 1), None where all d are equal. Y. Oren and others, "Proving Test Set Contamination in Black-Box
    Language Models", ICLR 2024, test the order of examples in the same way. A preference for places has the
    same effect where the right choices of a data set are not equally often at all places.
    """
    d = rounds.correct[0] - rounds.correct[1:].mean(axis=0)
    deviation = float(d.std(ddof=1)) if len(d) > 1 else 0.0
    advantage = float(d.mean())
    return advantage, advantage / deviation * math.sqrt(len(d)) if deviation else None


def spread(rounds: Rounds) -> float:
    """Return the standard deviation of the accuracies of the rounds, with n - 1. Range: [0, 1]."""
    return float(rounds.correct.mean(axis=1).std(ddof=1))


def standard_error(rounds: Rounds) -> float:
    """Return the standard error of the mean over the questions of each one's mean over the rounds.

    The clustered standard error of E. Miller, "Adding Error Bars to Evals", arXiv 2411.00640, section
    2.2, with the answers to one question as a cluster: where all clusters are equally large, it is that
    of their means. With n - 1, as in all our standard errors.
    """
    means = rounds.correct.mean(axis=0)
    return float(means.std(ddof=1) / math.sqrt(len(means))) if len(means) > 1 else 0.0


def _rounds(answers: Answers, benchmark: Benchmark) -> Rounds | None:
    """Return the answers by round, None if the benchmark has none or they are not to the same questions."""
    answered = read(answers) if benchmark.robustness else None
    if answered is None:
        return None
    places = {(task, number): at for at, (task, number, _) in enumerate(answers.questions)}
    numbers = sorted({number for _, number, _ in answers.questions})
    asked = [(task, number) for task in benchmark.tasks for number in numbers]
    if set(asked) != places.keys():
        return None
    at = np.array([places[one] for one in asked]).reshape(len(benchmark.tasks), -1)
    return Rounds(answered.correct[at], answered.places[at], answered.counts[at[0]], answered)
