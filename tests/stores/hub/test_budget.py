import random
from pathlib import Path

import pytest

from evalboard.stores.hub.budget import HOUR, CommitBudget, pause_seconds


def test_half_of_the_commits_go_out_at_once() -> None:
    made = [0.0] * 50
    assert pause_seconds([], 0.0, 100) == 0
    assert pause_seconds(made, 0.0, 100) == 0
    assert pause_seconds([*made, 0.0], 0.0, 100) > 0


def test_the_fewer_are_left_the_longer_changes_gather() -> None:
    pauses = [pause_seconds([0.0] * used, 0.0, 100) for used in range(50, 100)]
    assert pauses == sorted(pauses)
    assert len(set(pauses)) == len(pauses)
    assert pauses[-1] < 2 * HOUR / 100


def test_when_all_are_used_the_oldest_must_run_out() -> None:
    made = [float(second) for second in range(100)]
    assert pause_seconds(made, 100.0, 100) == HOUR - 100
    assert pause_seconds([0.0, *made], 100.0, 100) == HOUR - 100


@pytest.mark.parametrize("per_hour", [1, 2, 7, 100])
def test_no_hour_has_more_commits_than_the_number(per_hour: int) -> None:
    generator = random.Random(per_hour)
    made: list[float] = []
    now = 0.0
    while now < 5 * HOUR:
        recent = [at for at in made if at > now - HOUR]
        wait = pause_seconds(recent, now, per_hour)
        now += wait
        if not wait:
            made.append(now)
            now += generator.choice([0.0, 1.0, 30.0])
    for start in made:
        assert sum(start <= at < start + HOUR for at in made) <= per_hour
    assert len(made) > 5 * per_hour * 0.75


def test_all_processes_share_one_count(tmp_path: Path) -> None:
    file = tmp_path / "budget.json"
    first, second = (CommitBudget(file, 2) for _ in range(2))
    first.spend()
    second.spend()
    assert first.wait_seconds() == pytest.approx(HOUR, abs=60)
    assert CommitBudget(file, 100).wait_seconds() == 0


def test_what_the_hub_asks_holds_for_all(tmp_path: Path) -> None:
    CommitBudget(tmp_path / "budget.json", 100).hold(2000)
    CommitBudget(tmp_path / "budget.json", 100).hold(10)
    assert CommitBudget(tmp_path / "budget.json", 100).wait_seconds() == pytest.approx(2000, abs=60)


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_a_broken_file_is_an_empty_one(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "budget.json").write_bytes(content)
    budget = CommitBudget(tmp_path / "budget.json", 1)
    assert budget.wait_seconds() == 0
    budget.spend()
    assert budget.wait_seconds() > 0
