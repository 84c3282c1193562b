"""How often ranges are wrong, on boards whose true ranks are known.

Small boards, which tell a wrong rule from the right one; `make bench-ranks` makes 500 of 200 models.
"""

import math
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from evalboard.ranking import limits, ranges, simulation
from evalboard.ranking.comparing import ALL, Rows, Variances
from evalboard.ranking.simulation import METHODS, SCENARIOS, Outcome, Scenario, simulate

BOARDS, MODELS, QUESTIONS = 60, 40, 300
every_kind = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
every_method = pytest.mark.parametrize("method", METHODS)


def simulated(scenario: Scenario) -> dict[str, Outcome]:
    return simulate(scenario, boards=BOARDS, models=MODELS, questions=QUESTIONS, seed=1)


once = cache(simulated)


@every_method
@every_kind
def test_at_most_one_range_in_twenty_is_wrong(scenario: Scenario, method: str) -> None:
    found = once(scenario)[method]
    assert found.is_sound, found
    if scenario.skills is simulation.equal:
        assert math.isnan(found.power)
        assert found.width > 0.99
    else:
        assert found.power > 0.3, found


@every_kind
def test_holms_method_tells_more_apart(scenario: Scenario) -> None:
    holm, bonferroni = once(scenario)["Holm"], once(scenario)["Bonferroni"]
    assert holm.width <= bonferroni.width
    if not math.isnan(holm.power):
        assert holm.power > bonferroni.power


WRONG_RULES = {
    "each comparison at 5 %": ("critical_value", lambda comparisons: 1.96),
    "for a tenth of the comparisons": (
        "critical_value",
        lambda comparisons: limits._normal.inv_cdf(1 - 0.5 / 2 / max(comparisons, 1)),
    ),
    "half the variance": ("Variances", lambda column: HalfVariances(column)),
}


class HalfVariances(Variances):
    def of(self, rows: Rows, others: Rows = ALL) -> NDArray[np.float32]:
        return super().of(rows, others) * np.float32(0.5)


@pytest.mark.parametrize("rule", WRONG_RULES)
def test_a_wrong_rule_is_noticed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (limits, ranges):
        monkeypatch.setattr(module, *WRONG_RULES[rule], raising=module is ranges)
    limits.critical_values.cache_clear()
    found = simulated(SCENARIOS[0])
    limits.critical_values.cache_clear()
    assert [outcome.is_sound for outcome in found.values()] == [False, False]


def test_models_of_a_family_answer_alike() -> None:
    random = np.random.default_rng(1)
    answers = simulation._answers(np.full(23, 0.5), 4000, 0.7, random)
    same = (answers[1:] == answers[:-1]).mean(axis=1)
    within = np.arange(1, 23) % simulation.FAMILY > 0
    assert same[within].min() > 0.85
    assert same[~within].max() < 0.75
    assert answers.mean(axis=1) == pytest.approx(np.full(23, answers.mean()), abs=0.04)
