from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalboard.records.times import parse_time, timestamp

TIME = datetime(2024, 2, 10, 5, 2, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2024-02-10T05:02:37Z",
        " 2024-02-10T05:02:37Z\n",
        "2024-02-10T05:02:37+00:00",
        "2024-02-10T07:02:37+02:00",
        "2024-02-10T05:02:37",
        "2024-02-10 05:02:37",
        "2024-02-10T05-02-37",
        "2024/02/10 05:02:37",
        1707541357,
        1707541357000,
        "1707541357",
    ],
)
def test_one_time_in_the_forms_that_boards_write(value: Any) -> None:
    assert parse_time(value) == TIME


def test_parts_of_a_second_and_days_alone_are_read() -> None:
    assert parse_time("2024-02-10T05:02:37.5") == TIME + timedelta(seconds=0.5)
    assert parse_time("2024-02-10T05-02-37.500000") == TIME + timedelta(seconds=0.5)
    day = datetime(2024, 2, 10, tzinfo=UTC)
    assert parse_time("2024-02-10") == parse_time("20240210") == day


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, "", "soon", "2024-13-10", "nan", "inf", -1, 0, 1e300, 10**400, "9" * 400),
        *([], {}, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1969-12-31"),
    ],
)
def test_what_names_no_time(value: Any) -> None:
    assert parse_time(value) is None


@given(st.integers(946_684_800, 32_503_679_999))
def test_our_own_times_are_read_back(seconds: int) -> None:
    time = datetime.fromtimestamp(seconds, UTC)
    assert parse_time(timestamp(time)) == time


@given(st.text() | st.floats() | st.integers() | st.from_regex(r"[0-9]{1,5}-[0-9:T.Z+ -]{1,20}"))
def test_no_value_breaks_the_reader(value: Any) -> None:
    time = parse_time(value)
    assert time is None or (time.tzinfo is UTC and 1999 <= time.year <= 3000)


def test_times_are_written_in_utc() -> None:
    east = datetime(2026, 11, 21, 12, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    assert timestamp(east) == "2026-11-21T10:00:00Z"
