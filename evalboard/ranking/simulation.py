"""How often rank ranges are wrong: boards of models whose true scores are known.

A model of skill s answers a question of difficulty d right with probability 1 / (1 + exp(d - s)), the
model of G. Rasch ("Probabilistic Models for Some Intelligence and Attainment Tests", 1960). Questions
are drawn anew for each board, so a true score is the mean over all questions that could be drawn.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalboard.ranking.comparing import Column, Stratum, score_of
from evalboard.ranking.ranges import HOLM_ROWS, Average, Entries, found_better, rank

Skills = NDArray[np.float64]
SPREAD = 1.5
"""Standard deviation of the questions' difficulty, in units of skill."""


class Scenario(NamedTuple):
    """One kind of board."""

    name: str
    skills: Callable[[int], Skills]
    """From the number of models."""
    copied: float = 0.0
    """Share of the questions that a model answers as the one before it, in families of ten models."""


def equal(models: int) -> Skills:
    """Return the same skill for all: every rank range should have all ranks."""
    return np.full(models, 0.5)


def apart(models: int) -> Skills:
    """Return skills with the same step between any two: true scores from some 25 % to 75 %."""
    return np.linspace(-1.5, 1.5, models)


def tied(models: int) -> Skills:
    """Return skills in four groups of equals."""
    return np.repeat(np.linspace(-0.6, 0.9, 4), -(-models // 4))[:models]


def close(models: int) -> Skills:
    """Return skills as on real boards: many good models that hardly differ, and a long tail."""
    return 1.0 - 2.5 * np.linspace(0, 1, models) ** 3


SCENARIOS = (
    Scenario("equal", equal),
    Scenario("apart", apart),
    Scenario("tied", tied),
    Scenario("close", close),
    Scenario("equal, in families", equal, copied=0.7),
    Scenario("tied, in families", tied, copied=0.7),
)


class Outcome(NamedTuple):
    """What the ranges of many boards were worth. Shares are of rows, in [0, 1]."""

    missed: float
    """Share whose true rank, with its whole tie, is not within the range."""
    missed_error: float
    """Standard error of that share over the boards."""
    false: float
    """Share for which a model that is truly not better was found significantly better."""
    false_error: float
    power: float
    """Share of all pairs with different skills that were told apart; NaN without such a pair."""
    width: float
    """Mean number of ranks within a range, as a share of the number of models."""


def simulate(
    scenario: Scenario,
    *,
    boards: int,
    models: int,
    questions: int,
    seed: int,
    holm_rows: int = HOLM_ROWS,
) -> Outcome:
    """Rank many boards of a kind.

    Args:
        scenario: The kind.
        boards: How many.
        models: On each.
        questions: Of each board, in three subjects of different sizes that count the same.
        seed: Of the random numbers.
        holm_rows: Up to this number of models, Holm's method decides; above, Bonferroni's.
    """
    random = np.random.default_rng(seed)
    found = np.array(
        [list(_one(scenario, models, questions, random, holm_rows)) for _ in range(boards)]
    )
    missed, false, power, width = found.T
    error = boards**-0.5
    return Outcome(
        float(missed.mean()),
        float(missed.std(ddof=1) * error),
        float(false.mean()),
        float(false.std(ddof=1) * error),
        float(power.mean()),
        float(width.mean()),
    )


def _one(
    scenario: Scenario, models: int, questions: int, random: np.random.Generator, holm_rows: int
) -> Iterator[float]:
    skills = scenario.skills(models)
    strata = _thirds(questions)
    answers = _answers(skills, questions, scenario.copied, random)
    scores = score_of(answers, strata)
    known, alike = np.ones(models, np.bool_), np.zeros(models, np.int64)
    column = Column("simulated", scores, answers, known, np.zeros(models), strata, alike)
    average = Average(scores, {column.key: 1.0})
    entries = Entries([str(model) for model in range(models)], [column], average)
    ranking = rank(entries, holm_rows=holm_rows).rankings[column.key]
    is_better = skills > skills[:, None]
    better, tie = is_better.sum(axis=1), (skills == skills[:, None]).sum(axis=1)
    found = found_better(column, holm_rows=holm_rows)
    yield ((ranking.best > 1 + better) | (ranking.worst < better + tie)).mean()
    yield (found & ~is_better).any(axis=1).mean()
    yield (found & is_better).sum() / pairs if (pairs := is_better.sum()) else float("nan")
    yield ((ranking.worst - ranking.best + 1) / models).mean()


def _answers(
    skills: Skills, questions: int, copied: float, random: np.random.Generator
) -> NDArray[np.bool_]:
    difficulty = random.normal(0, SPREAD, questions)
    chance = 1 / (1 + np.exp(difficulty - skills[:, None]))
    draws = random.random((len(skills), questions), np.float32)
    if copied:
        # A draw that is the neighbour's keeps each model's own chance, so true scores stay.
        same = random.random(draws.shape, np.float32) < copied
        for model in range(1, len(skills)):
            if model % 10:
                draws[model] = np.where(same[model], draws[model - 1], draws[model])
    return draws < chance


def _thirds(questions: int) -> tuple[Stratum, ...]:
    first, second = questions // 6, questions // 2
    ends = ((0, first), (first, second), (second, questions))
    return tuple(Stratum(start, stop, 1 / 3) for start, stop in ends)
