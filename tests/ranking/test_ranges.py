"""Rank ranges of small boards whose right value is known, and of all boards what always holds."""

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from evalboard.ranking import ranges
from evalboard.ranking.comparing import ALL, Column, Stratum, Variances, score_of
from evalboard.ranking.entries import AVERAGE, Average, Entries
from evalboard.ranking.limits import LEVEL, critical_value, holm_limits
from evalboard.ranking.ranges import Differences, Earlier, Ranking, rank

QUESTIONS = 400
BOTH_METHODS = pytest.mark.parametrize("holm_rows", [0, 1000], ids=["Bonferroni", "Holm"])


def column(
    answers: NDArray[Any], key: str = "b", strata: tuple[Stratum, ...] | None = None
) -> Column:
    strata = strata or (Stratum(0, answers.shape[1], 1.0),)
    known, zeros = np.ones(len(answers), np.bool_), np.zeros(len(answers))
    alike = np.zeros(len(answers), np.int64)
    return Column(key, score_of(answers, strata), answers, known, zeros, strata, alike)


def entries_of(*columns: Column, weights: dict[str, float] | None = None) -> Entries:
    weights = weights or {columns[0].key: 1.0}
    scores = np.sum([weights.get(c.key, 0) * c.scores for c in columns], axis=0)
    names = [f"row {row}" for row in range(len(scores))]
    return Entries(names, columns, Average(scores, weights))


def ranking_of(each: Column, **options: Any) -> Ranking:
    return rank(entries_of(each), **options).rankings[each.key]


def right_first(*counts: int) -> NDArray[np.bool_]:
    """Return rows of which each has its first questions right."""
    return np.arange(QUESTIONS) < np.array(counts)[:, None]


@BOTH_METHODS
def test_rows_that_are_far_apart_have_one_rank_each(holm_rows: int) -> None:
    ranking = ranking_of(column(right_first(100, 300, 200)), holm_rows=holm_rows)
    assert ranking.ranks.tolist() == ranking.best.tolist() == ranking.worst.tolist() == [3, 1, 2]
    assert ranking.shares_first.tolist() == [False, True, False]


@BOTH_METHODS
def test_equal_rows_share_all_ranks_of_their_tie(holm_rows: int) -> None:
    ranking = ranking_of(column(right_first(300, 100, 300, 300)), holm_rows=holm_rows)
    assert ranking.ranks.tolist() == [1, 4, 1, 1]
    assert ranking.best.tolist() == [1, 4, 1, 1]
    assert ranking.worst.tolist() == [3, 4, 3, 3]


@BOTH_METHODS
def test_a_small_lead_is_no_rank(holm_rows: int) -> None:
    """Three questions more: McNemar's exact test has p = 0.25."""
    ranking = ranking_of(column(right_first(303, 300)), holm_rows=holm_rows)
    assert ranking.ranks.tolist() == [1, 2]
    assert (ranking.best.tolist(), ranking.worst.tolist()) == ([1, 1], [2, 2])


@BOTH_METHODS
@pytest.mark.parametrize("count", [0, 1])
def test_a_board_of_none_or_one_has_ranks(count: int, holm_rows: int) -> None:
    ranking = ranking_of(column(right_first(*[200] * count)), holm_rows=holm_rows)
    assert ranking.worst.tolist() == [1] * count
    assert np.isnan(ranking.smallest_difference)


@BOTH_METHODS
def test_a_row_without_a_score_has_no_rank_and_counts_for_none(holm_rows: int) -> None:
    first, second = column(right_first(100, 300, 200), "a"), column(right_first(5, 300, 200), "b")
    missing = second._replace(scores=np.array([np.nan, *second.scores[1:]]))
    entries = entries_of(first, missing, weights={"a": 0.5, "b": 0.5})
    found = rank(entries, holm_rows=holm_rows).rankings
    assert found["a"].worst.tolist() == [3, 1, 2]
    for key in ("b", AVERAGE):
        assert found[key].ranks.tolist() == [0, 1, 2]
        assert found[key].worst.tolist() == [0, 1, 2]


@BOTH_METHODS
def test_rows_are_ranked_among_their_peers(holm_rows: int) -> None:
    random = np.random.default_rng(7)
    answers = random.random((40, 300)) < np.linspace(0.3, 0.8, 40)[:, None]
    peers = np.array([5, -3] * 20)
    each = column(answers)._replace(peers=peers)
    mixed = rank(entries_of(each), holm_rows=holm_rows).rankings
    for kind in (5, -3):
        alone = ranking_of(column(answers[peers == kind]), holm_rows=holm_rows)
        for key in ("b", AVERAGE):
            for mine, theirs in zip(mixed[key][:4], alone[:4], strict=True):
                assert mine[peers == kind].tolist() == theirs.tolist()


def test_the_average_is_among_rows_that_are_peers_in_all_of_it() -> None:
    parts = [column(right_first(300, 200, 100), key) for key in "abc"]
    parts[1] = parts[1]._replace(peers=np.array([1, 1, 2]))
    parts[2] = parts[2]._replace(peers=np.array([1, 2, 3]))
    ranked = rank(entries_of(*parts, weights={"a": 0.5, "b": 0.5})).rankings
    assert ranked["a"].ranks.tolist() == [1, 2, 3]
    assert ranked["b"].ranks.tolist() == ranked[AVERAGE].ranks.tolist() == [1, 2, 1]
    assert ranked[AVERAGE].peers.tolist() == [2, 2, 1]


def large(rows: int = 120) -> list[Column]:
    random = np.random.default_rng(rows)
    chances = np.linspace(0.3, 0.8, rows)[:, None]
    right = random.random((rows, 300)) < chances
    fractions = np.clip(random.normal(chances, 0.2, (rows, 90)), 0, 1).astype(np.float16)
    made = [column(right, "a"), column(fractions, "b"), column(right[:, :150], "c")]
    made[2] = made[2]._replace(answered=np.arange(rows) % 9 > 0, stderrs=np.full(rows, 0.03))
    return [each._replace(peers=np.arange(rows) % 2) for each in made[:1]] + made[1:]


WEIGHTS = {"a": 0.25, "b": 0.75}


def taken(columns: list[Column], rows: list[int]) -> Entries:
    """Return a board of some rows, that keep their names."""
    names = ("scores", "answers", "answered", "stderrs", "peers")
    some = [c._replace(**{name: getattr(c, name)[rows] for name in names}) for c in columns]
    return entries_of(*some, weights=WEIGHTS)._replace(names=[f"row {row}" for row in rows])


def same(first: dict[str, Ranking], second: dict[str, Ranking]) -> bool:
    return all(
        (mine == theirs).all()
        for key, ranking in first.items()
        for mine, theirs in zip(ranking[:4], second[key][:4], strict=True)
    )


def test_bonferronis_method_is_the_same_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = taken(large(), list(range(120)))
    whole = rank(entries, holm_rows=0).rankings
    monkeypatch.setattr(ranges, "ROWS_PER_BLOCK", 7)
    monkeypatch.setattr(ranges, "OTHERS_PER_BLOCK", 25)
    assert same(rank(entries, holm_rows=0).rankings, whole)
    for each in entries.columns:
        assert (
            whole[each.key].best == 1 + Differences(each).told_apart(holm_rows=0)[0].sum(axis=1)
        ).all()
    assert len(set(whole["a"].best.tolist())) > 10


@pytest.mark.parametrize("change", ["nothing", "new", "gone", "answers", "stderr", "peers", "step"])
def test_changed_rows_alone_give_the_same_ranks(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns, rows = large(), list(range(118))
    before = taken(columns, rows)
    match change:
        case "new":
            rows = [118, *rows]
        case "gone":
            rows = rows[3:60] + rows[62:]
        case "answers":
            answers = columns[0].answers.astype(np.bool_)
            answers[40, :100] ^= True
            scores = score_of(answers, columns[0].strata)
            columns[0] = columns[0]._replace(answers=answers, scores=scores)
        case "stderr":
            columns[2] = columns[2]._replace(stderrs=np.where(np.arange(120) == 9, 0.001, 0.03))
        case "peers":
            columns[0].peers[5] = 0
        case "step":
            rows = rows[:60]
    now = taken(columns, rows)
    whole = rank(now, holm_rows=0).rankings
    earlier = Earlier(before, rank(before, holm_rows=0).counts)
    counted: list[int] = []
    every = ranges._count_by_bonferroni
    monkeypatch.setattr(ranges, "_count_by_bonferroni", lambda p: counted.append(1) or every(p))
    assert same(rank(now, earlier, holm_rows=0).rankings, whole)
    assert bool(counted) == (change == "step")


def test_the_average_is_compared_by_the_differences_of_its_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one column whose strata are the benchmarks, in one block or in several."""
    random = np.random.default_rng(2)
    answers = random.random((30, 300)) < np.linspace(0.4, 0.6, 30)[:, None]
    parts = [column(answers[:, :80], "a"), column(answers[:, 80:], "b")]
    expected = ranking_of(column(answers, "ab", (Stratum(0, 80, 0.25), Stratum(80, 300, 0.75))))
    for rows in (255, 7):
        monkeypatch.setattr(ranges, "ROWS_PER_BLOCK", rows)
        found = rank(entries_of(*parts, weights=WEIGHTS)).rankings[AVERAGE]
        for mine, theirs in zip(found[:3], expected[:3], strict=True):
            assert mine.tolist() == theirs.tolist()
        assert found.smallest_difference == pytest.approx(expected.smallest_difference, rel=1e-5)
    assert expected.best.max() > 1
    assert (expected.worst - expected.best).max() > 0


def test_the_smallest_difference_is_that_of_the_median_pair() -> None:
    random = np.random.default_rng(3)
    answers = random.random((21, 500)) < 0.6
    each = column(answers)
    variances = Variances(each).of(ALL)[np.triu_indices(21, 1)]
    found = ranking_of(each).smallest_difference
    assert found == pytest.approx(2.8016 * np.median(variances) ** 0.5, rel=1e-4)
    assert 0.05 < found < 0.12


def test_a_board_of_many_rows_tells_the_same_smallest_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(4)
    each = column(random.random((300, 200)) < 0.5)
    of_all = ranking_of(each).smallest_difference
    monkeypatch.setattr(ranges, "SAMPLE_ROWS", 60)
    assert ranking_of(each).smallest_difference == pytest.approx(of_all, rel=0.03)


def by_holm(leads: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return what Holm's method rejects, from the p-values of one row, one step at a time."""
    tail = NormalDist()
    others = [(2 * tail.cdf(-abs(float(lead))), at) for at, lead in enumerate(leads)]
    rejected = np.zeros(len(leads), np.bool_)
    for step, (p, at) in enumerate(sorted(others)):
        if p > LEVEL / (len(leads) - 1 - step if step < len(leads) - 1 else 1):
            break
        rejected[at] = True
    return rejected


@settings(max_examples=50)
@given(arrays(np.float32, st.integers(2, 30), elements=st.floats(-6, 6, width=32)))
def test_the_limits_are_those_of_holms_method(leads: NDArray[np.float32]) -> None:
    leads[0] = 0  # over itself
    limit = holm_limits(leads[None], np.array([len(leads) - 1]))
    assert (np.abs(leads) > limit).tolist() == by_holm(leads).tolist()


def test_bonferronis_limit_is_for_the_next_power_of_two() -> None:
    """On a board of 3, as for four comparisons."""
    assert critical_value(4) == pytest.approx(2.4977, abs=1e-4)
    field = ranges._Field(np.array([0.1, 0.2, np.nan, 0.3]), np.zeros(4, np.int64))
    assert field.limits[[0, 1, 3]] == pytest.approx([2.4977] * 3, abs=1e-4)


@BOTH_METHODS
@settings(max_examples=50, deadline=None)
@given(answers=arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 60))))
def test_a_row_and_its_whole_tie_lie_in_the_range(
    answers: NDArray[np.bool_], holm_rows: int
) -> None:
    each = column(answers)
    ranking = ranking_of(each, holm_rows=holm_rows)
    ties = (each.scores[:, None] == each.scores).sum(axis=1)
    assert (ranking.best <= ranking.ranks).all()
    assert (ranking.worst >= ranking.ranks + ties - 1).all()
    better, worse = Differences(each).told_apart(holm_rows=holm_rows)
    assert (ranking.best == 1 + better.sum(axis=1)).all()
    assert (ranking.worst == len(answers) - worse.sum(axis=1)).all()
