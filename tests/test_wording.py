import pytest

from evalboard.wording import counted, duration, first_few


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, ""), (1, "0"), (2, "0, 1"), (3, "0, 1 and 1 more"), (1202, "0, 1 and 1,200 more")],
)
def test_the_first_few_are_named_and_the_rest_counted(number: int, text: str) -> None:
    assert first_few([str(n) for n in range(number)], 2) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3600, "1 h 0 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_lengths_of_time_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_number_has_its_noun() -> None:
    assert [counted(n, "model") for n in (0, 1, 1200)] == ["0 models", "1 model", "1,200 models"]
