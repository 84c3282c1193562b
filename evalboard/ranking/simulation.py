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
from evalboard.ranking.ranges import HOLM_ROWS, Differences

Skills = NDArray[np.float64]
SPREAD = 1.5
"""Standard deviation of the questions' difficulty, in units of skill."""


FAMILY = 10
"""Models of a family."""


class Scenario(NamedTuple):
    """One kind of board."""

    name: str
    skills: Callable[[int], Skills]
    """From the number of models."""
    copied: float = 0.0
    """Share of the questions that a model answers as the one before it in its family."""


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


METHODS = {"Holm": HOLM_ROWS, "Bonferroni": 0}
"""Up to how many rows Holm's method decides, by name of the method that is tried."""
ALLOWED = 0.05
"""Share of the rows that may be wrong, beside two standard errors of the simulation."""


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

    @property
    def is_sound(self) -> bool:
        """Whether no more rows are wrong than may be."""
        return (
            self.missed <= ALLOWED + 2 * self.missed_error
            and self.false <= ALLOWED + 2 * self.false_error
        )


def simulate(
    scenario: Scenario, *, boards: int, models: int, questions: int, seed: int
) -> dict[str, Outcome]:
    """Rank many boards of a kind, each by every method.

    Args:
        scenario: The kind.
        boards: How many.
        models: On each.
        questions: Of each board, in three subjects of different sizes that count the same.
        seed: Of the random numbers.

    Returns:
        By name of the method, as in `METHODS`.
    """
    random = np.random.default_rng(seed)
    skills = scenario.skills(models)
    found: dict[str, list[tuple[float, ...]]] = {method: [] for method in METHODS}
    for _ in range(boards):
        differences = _differences(scenario, skills, questions, random)
        for method, holm_rows in METHODS.items():
            better, worse = differences.told_apart(holm_rows=holm_rows)
            found[method].append(tuple(_mistakes(skills, better, worse)))
    return {method: _outcome(np.array(of_boards)) for method, of_boards in found.items()}


def _outcome(of_boards: NDArray[np.float64]) -> Outcome:
    missed, false, power, width = of_boards.T
    error = len(of_boards) ** -0.5
    return Outcome(
        float(missed.mean()),
        float(missed.std(ddof=1) * error),
        float(false.mean()),
        float(false.std(ddof=1) * error),
        float(power.mean()),
        float(width.mean()),
    )


def _differences(
    scenario: Scenario, skills: Skills, questions: int, random: np.random.Generator
) -> Differences:
    """Return the differences of the models of one board."""
    strata = _thirds(questions)
    answers = _answers(skills, questions, scenario.copied, random)
    known, nothing = np.ones(len(skills), np.bool_), np.zeros(len(skills))
    alike = np.zeros(len(skills), np.int64)
    scores = score_of(answers, strata)
    return Differences(Column("simulated", scores, answers, known, nothing, strata, alike))


def _mistakes(
    skills: Skills, better: NDArray[np.bool_], worse: NDArray[np.bool_]
) -> Iterator[float]:
    """Yield what one board adds to the first, third, fifth and sixth part of the outcome.

    Args:
        skills: Of the models.
        better: Which models were found significantly better than each: models by models.
        worse: Which were found significantly worse.
    """
    models = len(skills)
    is_better = skills > skills[:, None]
    n_better, tie = is_better.sum(axis=1), (skills == skills[:, None]).sum(axis=1)
    best, worst = 1 + better.sum(axis=1), models - worse.sum(axis=1)
    yield ((best > 1 + n_better) | (worst < n_better + tie)).mean()
    yield (better & ~is_better).any(axis=1).mean()
    yield (better & is_better).sum() / pairs if (pairs := is_better.sum()) else float("nan")
    yield ((worst - best + 1) / models).mean()


def _answers(
    skills: Skills, questions: int, copied: float, random: np.random.Generator
) -> NDArray[np.bool_]:
    difficulty = random.normal(0, SPREAD, questions).astype(np.float32)
    chance = 1 / (1 + np.exp(difficulty - skills[:, None].astype(np.float32)))
    draws = random.random((len(skills), questions), np.float32)
    if copied:
        # A draw that is the neighbour's keeps each model's own chance, so true scores stay.
        same = random.random(draws.shape, np.float32) < copied
        for place in range(1, FAMILY):
            own, before = (
                draws[place::FAMILY],
                draws[place - 1 :: FAMILY][: len(draws[place::FAMILY])],
            )
            np.copyto(own, before, where=same[place::FAMILY])
    return draws < chance


def _thirds(questions: int) -> tuple[Stratum, ...]:
    first, second = questions // 6, questions // 2
    ends = ((0, first), (first, second), (second, questions))
    return tuple(Stratum(start, stop, 1 / 3) for start, stop in ends)
