import math

import pytest

from evalboard.board.differences import (
    Discordance,
    independent_difference,
    paired_difference,
)


def test_independent_errors_add_as_squares() -> None:
    difference = independent_difference(0.5, 0.03, 0.6, 0.04)
    assert difference.value == pytest.approx(0.1)
    assert difference.high - difference.value == pytest.approx(1.96 * 0.05, rel=1e-3)
    assert difference.value - difference.low == pytest.approx(1.96 * 0.05, rel=1e-3)


def test_paired_interval_is_that_of_agresti_and_min() -> None:
    n, only_first, only_second = 1600, 86, 150
    first, second = 86.5 / 1602, 150.5 / 1602
    spread = math.sqrt((first + second - (second - first) ** 2) / 1602)
    difference = paired_difference([Discordance(n, only_first, only_second)])
    assert difference.value == pytest.approx(64 / 1600)
    assert difference.high == pytest.approx(0.04 + 1.959964 * spread, rel=1e-6)


def test_answering_alike_leaves_room_for_a_difference() -> None:
    difference = paired_difference([Discordance(20, 0, 0)])
    assert difference.value == 0
    assert difference.low < 0 < difference.high


def test_the_same_questions_tell_more_than_the_scores() -> None:
    paired = paired_difference([Discordance(1000, 20, 40)])
    stderr = math.sqrt(0.25 / 1000)
    independent = independent_difference(0.5, stderr, 0.52, stderr)
    assert paired.high - paired.low < independent.high - independent.low


def test_a_group_is_the_mean_of_its_subjects() -> None:
    small, large = Discordance(10, 0, 5), Discordance(1000, 100, 100)
    assert paired_difference([small, large]).value == pytest.approx(0.25)


def test_intervals_stay_within_what_a_difference_can_be() -> None:
    assert paired_difference([Discordance(1, 0, 1)]).high == 1
    assert independent_difference(1.0, 0.5, 0.0, 0.5).low == -1


@pytest.mark.parametrize("subjects", [[], [Discordance(0, 0, 0)]])
def test_no_questions_no_difference(subjects: list[Discordance]) -> None:
    with pytest.raises(ValueError, match="questions"):
        paired_difference(subjects)
