import pytest

from leaderboard_app import day_count
from leaderboard_app.day_count import DAY_SECONDS, DayCount


def test_an_address_has_a_limit_of_its_own_and_all_have_one() -> None:
    sent = DayCount(most=4, each=2)
    assert [sent.take("a") for _ in range(3)] == [None, None, "one"]
    assert sent.take("b") is None
    assert sent.take("b") is None
    assert sent.take("c") == "all"
    assert sent.take(None) == "all"


def test_what_is_unknown_has_only_the_limit_of_all() -> None:
    sent = DayCount(most=3, each=1)
    assert [sent.take(None) for _ in range(4)] == [None, None, None, "all"]


def test_what_was_not_accepted_does_not_count() -> None:
    sent = DayCount(most=5, each=1)
    assert sent.take("a") is None
    sent.give_back("a")
    assert sent.take("a") is None
    sent.give_back("never seen")
    assert sent.take("a") == "one"


def test_a_day_later_nothing_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(day_count.time, "monotonic", lambda: clock[0])
    sent = DayCount(most=5, each=1)
    assert sent.take("a") is None
    clock[0] += DAY_SECONDS - 1
    assert sent.take("a") == "one"
    clock[0] += 2
    assert sent.take("a") is None
