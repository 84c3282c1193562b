"""How often ranges are wrong, on boards whose true ranks are known."""

import math

import pytest

from evalboard.ranking.simulation import SCENARIOS, Outcome, Scenario, simulate

BOARDS = [
    pytest.param(40, 60, id="40 of 60"),
    pytest.param(500, 200, id="500 of 200", marks=pytest.mark.slow),
]


def is_at_most(share: float, error: float) -> bool:
    return share <= 0.05 + 2 * error


@pytest.mark.parametrize("holm_rows", [0, 1000], ids=["Bonferroni", "Holm"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize(("boards", "models"), BOARDS)
def test_at_most_one_range_in_twenty_is_wrong(
    scenario: Scenario, boards: int, models: int, holm_rows: int
) -> None:
    found = simulate(
        scenario, boards=boards, models=models, questions=1273, seed=1, holm_rows=holm_rows
    )
    assert is_at_most(found.missed, found.missed_error), found
    assert is_at_most(found.false, found.false_error), found
    assert says_something(found, scenario), found


def says_something(found: Outcome, scenario: Scenario) -> bool:
    """Return whether different models were told apart, and equal ones were not."""
    is_equal = len(set(scenario.skills(10).tolist())) == 1
    return math.isnan(found.power) and found.width > 0.99 if is_equal else found.power > 0.5
