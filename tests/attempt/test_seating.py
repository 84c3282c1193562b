from evalboard.attempt.seating import ARRIVAL_SECONDS, Seating
from evalboard.records.outcome import BenchmarkPlan


def seating(*sizes: int, engines: int = 1) -> Seating:
    """Expect benchmarks `a`, `b`, … of these sizes at time 0."""
    table = Seating()
    names = "abcdefghij"[: len(sizes)]
    table.expect(
        [BenchmarkPlan(benchmark=b, key=b, n=n) for b, n in zip(names, sizes, strict=True)], now=0
    )
    for number in range(engines):
        table.add(number)
    return table


def arrive(table: Seating, names: str) -> None:
    for name in names:
        table.arrive(name)


def take(table: Seating, names: str, now: float = 0) -> list[int | None]:
    return [table.take_seat(name, now=now) for name in names]


def test_two_sit_at_an_engine_in_the_order_of_the_plan() -> None:
    table = seating(30, 20, 10)
    arrive(table, "cba")
    assert take(table, "cba") == [None, None, 0]
    assert take(table, "cb") == [None, 0]
    assert take(table, "c") == [None]
    table.leave("a")
    assert take(table, "c") == [0]


def test_a_seat_waits_a_little_for_whom_it_belongs_to() -> None:
    table = seating(30, 20)
    table.arrive("b")
    assert take(table, "b", now=ARRIVAL_SECONDS - 0.1) == [None]
    assert take(table, "b", now=ARRIVAL_SECONDS) == [0]


def test_engines_are_filled_where_least_is_left_to_do() -> None:
    table = seating(100, 50, 20, 15, 10, engines=2)
    arrive(table, "abcde")
    assert take(table, "abc") == [0, 1, 1]
    assert take(table, "d") == [None]  # the second engine is full, the first has more to do
    table.leave("b")
    assert take(table, "de") == [1, None]
    table.leave("c")
    assert take(table, "e") == [1]


def test_who_killed_an_engine_sits_alone() -> None:
    table = seating(30, 20, 10)
    arrive(table, "abc")
    assert take(table, "ab") == [0, 0]
    table.remove(0)
    table.leave_for_another_try("a", alone=True, now=0)
    table.leave_for_another_try("b", alone=True, now=0)
    table.add(1)
    arrive(table, "ab")
    assert take(table, "abc") == [1, None, None]
    table.leave("a")
    assert take(table, "bc") == [1, None]
    table.leave("b")
    assert take(table, "c") == [1]


def test_who_wants_to_be_alone_is_not_passed_by_later_ones() -> None:
    table = seating(30, 20, 10)
    arrive(table, "abc")
    assert take(table, "ab") == [0, 0]
    table.leave_for_another_try("a", alone=True, now=0)
    table.arrive("a")
    assert take(table, "ac") == [None, None]
    table.leave("b")
    assert take(table, "ac") == [0, None]


def test_a_lost_engine_is_offered_no_more() -> None:
    table = seating(30, 20, 10, engines=2)
    arrive(table, "abc")
    assert take(table, "ab") == [0, 1]
    table.remove(1)
    table.leave_for_another_try("b", alone=False, now=0)
    table.arrive("b")
    assert take(table, "bc") == [0, None]
    assert table.empty() == []
    table.leave("a")
    table.leave("b")
    assert table.empty() == [0]
    assert not table.is_done
    table.leave("c")
    assert table.is_done
