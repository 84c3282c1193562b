"""Calculated values in texts, and the authors' rule for them."""

from datetime import date

import pytest

from evalboard.reading.answers import State, Unread
from evalboard.reading.calculations import Calculation, is_right, read_calculation

DECIMAL, WHOLE, DATE, WEEKS = 2, 4, 13, 69


def read(text: str, calculator: int = DECIMAL, ended: str = "") -> Calculation:
    return read_calculation(Unread(text, (), ended), calculator)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Step 1: 3 of 5.\nAnswer: 67.005", 67.005),
        ("Answer: 1\nNo, wait.\nAnswer: 2", 2),
        ("**Final answer:** 8.1 mL/min/1.73 m²", 8.1),
        ("Answer: \\boxed{12.5}", 12.5),
        ("So it is \\boxed{-3.2}.", -3.2),
        ('{"step_by_step_thinking": "140 - 12", "answer": "128"}', 128),
        ("<answer>1,234.5 mg</answer>", 1234.5),
        ("Answer: (140 - 53) / 72 = 1.21", 1.21),
        ("Answer: 17.1 %", 17.1),
        ("Answer: 4 out of 6", 4),
        ("Answer: 3 points", 3),
        ("Answer: 1.2e3", 1200),
        ("Answer: 2.5 x 10^3", 2500),
        ("Answer: −4", -4),
        ("<think>Answer: 5</think>\nAnswer: 6", 6),
    ],
)
def test_a_number_is_read(text: str, value: float) -> None:
    assert read(text).value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("", State.EMPTY),
        ("<think>so 5", State.UNFINISHED),
        ("It is 5.", State.UNREADABLE),
        ("Answer: 3-4", State.UNREADABLE),
        ("Answer: 3 or 4", State.UNREADABLE),
        ("Answer: 140 - 12", State.UNREADABLE),
        ("Answer: __import__('os').getcwd()", State.UNREADABLE),
        ("Answer: unknown", State.UNREADABLE),
        ("Answer: 1e999", State.UNREADABLE),
    ],
)
def test_what_is_no_number(text: str, state: State) -> None:
    assert read(text) == Calculation(state)


def test_a_text_that_the_limit_cut_is_not_read() -> None:
    assert read("Answer: 5", ended="length") == Calculation(State.UNFINISHED)


@pytest.mark.parametrize(
    ("text", "calculator", "value"),
    [
        ("Answer: 8/31/2023", DATE, date(2023, 8, 31)),
        ("Answer: 08/31/2023.", DATE, date(2023, 8, 31)),
        ("Answer: 13/31/2023", DATE, None),
        ("Answer: 08/31/2023 or 09/01/2023", DATE, None),
        ("Answer: (34 weeks, 3 days)", WEEKS, (34, 3)),
        ("Answer: ('34 weeks', '3 days')", WEEKS, (34, 3)),
        ("Answer: 34 weeks and 3 days", WEEKS, (34, 3)),
        ("Answer: (1 week, 0 days)", WEEKS, (1, 0)),
        ("Answer: 34 weeks", WEEKS, None),
    ],
)
def test_dates_and_weeks_are_read(text: str, calculator: int, value: object) -> None:
    assert read(text, calculator).value == value


@pytest.mark.parametrize(
    ("value", "calculator", "limits", "right"),
    [
        (63.7, DECIMAL, ("67.005", "63.6547", "70.3552"), True),
        (63.6, DECIMAL, ("67.005", "63.6547", "70.3552"), False),
        (2.4, WHOLE, ("2", "2", "2"), True),
        (2.6, WHOLE, ("2", "2", "2"), False),
        (date(2000, 12, 2), DATE, ("12/02/2000",) * 3, True),
        (date(2000, 12, 3), DATE, ("12/02/2000",) * 3, False),
        ((34, 3), WEEKS, ("('34 weeks', '3 days')",) * 3, True),
        ((34, 4), WEEKS, ("('34 weeks', '3 days')",) * 3, False),
    ],
)
def test_the_authors_rule(
    value, calculator: int, limits: tuple[str, str, str], right: bool
) -> None:
    assert is_right(value, calculator, *limits) is right
