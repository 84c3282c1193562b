import pytest

from evalboard.attempt.retrying import MAX_TRIES, is_worth_another_try
from evalboard.errors import (
    ConfigError,
    DataMissing,
    EngineDied,
    EngineError,
    EvalboardError,
    HarnessError,
    LoadFailed,
    NodeLost,
    OutOfMemory,
    TimedOut,
    ValidationFailed,
)


def tries(kind: type[EvalboardError], *, can_be_smaller: bool = False) -> int:
    """Return how often a failure that comes back every time is tried in all."""
    earlier: list[EvalboardError] = []
    while is_worth_another_try(error := kind("x"), earlier, can_be_smaller=can_be_smaller):
        earlier.append(error)
    return len(earlier) + 1


@pytest.mark.parametrize(
    "kind",
    [
        LoadFailed,
        ValidationFailed,
        TimedOut,
        HarnessError,
        DataMissing,
        ConfigError,
        EngineError,
    ],
)
def test_what_would_end_the_same_way_is_not_repeated(kind: type[EvalboardError]) -> None:
    assert tries(kind, can_be_smaller=False) == 1
    assert not is_worth_another_try(kind("x"), [], can_be_smaller=True)


def test_a_death_is_repeated_twice_and_a_lost_machine_almost_always() -> None:
    assert tries(EngineDied) == 3
    assert tries(NodeLost) == 21 <= MAX_TRIES


def test_classes_are_counted_apart() -> None:
    earlier: list[EvalboardError] = [NodeLost("x")] * 10
    assert is_worth_another_try(EngineDied("x"), earlier, can_be_smaller=False)


def test_out_of_memory_is_repeated_while_settings_can_be_smaller() -> None:
    earlier: list[EvalboardError] = [OutOfMemory("x")] * 8
    assert is_worth_another_try(OutOfMemory("x"), earlier, can_be_smaller=True)
    assert not is_worth_another_try(OutOfMemory("x"), [], can_be_smaller=False)
