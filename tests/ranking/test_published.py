"""The answers of a board as the viewer reads them: some rows rank as a board of them alone."""

import numpy as np
import pytest

from evalboard.ranking.comparing import Column, Stratum, score_of
from evalboard.ranking.entries import Average, Entries
from evalboard.ranking.published import PublishedAnswers, to_bytes
from evalboard.ranking.ranges import Differences, rank

ROWS = 40
SHARES = (Stratum(0, 60, 0.25), Stratum(60, 300, 0.75))
WHOLE = (Stratum(0, 200, 1.0),)


@pytest.fixture
def entries() -> Entries:
    """Rows of four abilities with a group, a benchmark of fractions, rows without answers, and two kinds."""
    random = np.random.default_rng(3)
    ability = random.choice([0.3, 0.5, 0.55, 0.8], (ROWS, 1))
    answered = random.random(ROWS) < 0.9
    peers = np.where(random.random(ROWS) < 0.8, 2**62, -5)
    columns = []
    for key, strata in (("group", SHARES), ("plain", WHOLE)):
        right = random.random((ROWS, strata[-1].stop)) < ability
        answers = right if key == "group" else right.astype(np.float16) / 2
        scores = score_of(answers, strata)
        columns.append(Column(key, scores, answers, answered, np.full(ROWS, 0.03), strata, peers))
    columns[1].scores[4] = np.nan
    names = [f"row {row}" for row in range(ROWS)]
    average = Average((columns[0].scores + columns[1].scores) / 2, {"group": 0.5, "plain": 0.5})
    return Entries(names, columns, average)


def some(entries: Entries, rows: list[int]) -> Entries:
    columns = [
        column._replace(
            **{
                n: getattr(column, n)[rows]
                for n in ("scores", "answers", "answered", "stderrs", "peers")
            }
        )
        for column in entries.columns
    ]
    average = entries.average._replace(scores=entries.average.scores[rows])
    return Entries([entries.names[row] for row in rows], columns, average)


@pytest.mark.parametrize("key", ["group", "plain", "average"])
def test_some_rows_rank_as_a_board_of_them_alone(entries: Entries, key: str) -> None:
    rows = [3, 30, 4, 7, 8, 21, 22, 23, 39]
    published = PublishedAnswers(to_bytes(entries))
    found = published.rank(published.find([entries.names[row] for row in rows]), key)
    expected = rank(some(entries, rows)).rankings[key]

    for part in ("ranks", "best", "worst", "peers"):
        assert getattr(found, part).tolist() == getattr(expected, part).tolist()


def test_two_rows_are_told_apart_as_their_ranges_say(entries: Entries) -> None:
    rows = [row for row in range(ROWS) if row % 3]
    published = PublishedAnswers(to_bytes(entries))
    names = [entries.names[row] for row in rows]
    places = published.find(names)
    column = some(entries, rows).columns[0]
    better, _ = Differences(column).told_apart()
    seen = set()
    for first in range(len(rows)):
        for second in range(len(rows)):
            if column.scores[first] >= column.scores[second]:
                continue
            apart, count = published.are_told_apart(
                int(places[first]), int(places[second]), "group", places
            )
            seen.add(apart)
            if column.peers[first] != column.peers[second]:
                assert apart is None
                continue
            assert apart == better[first, second]
            assert count == np.count_nonzero(column.peers == column.peers[first])
    assert seen == {None, True, False}


def test_the_order_of_rows_changes_nothing(entries: Entries) -> None:
    assert to_bytes(entries) == to_bytes(some(entries, list(range(ROWS))[::-1]))


def test_a_row_that_is_not_there_is_found_nowhere(entries: Entries) -> None:
    assert PublishedAnswers(to_bytes(entries)).find(["row 3", "row 99"])[1] == -1


@pytest.mark.parametrize("cut", [0, 5, 100, -9])
def test_a_damaged_file_is_refused(entries: Entries, cut: int) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        PublishedAnswers(to_bytes(entries)[:cut])
