"""The engines of one attempt: children, or several on a real Ray. Only what they hold is smaller."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from evalboard.attempt import engines, seating
from evalboard.attempt.engines import EnginePool
from evalboard.engine.placing.placement import EngineHandle
from evalboard.engine.spec import EngineLimits
from evalboard.errors import (
    ClaimLost,
    EngineDied,
    EngineError,
    HarnessError,
    LoadFailed,
    OutOfMemory,
    Shortage,
)
from evalboard.records.outcome import BenchmarkPlan
from tests.engine_facts import FACTS
from tests.engine_specs import engine_folder, engine_spec
from tests.stand_in_engine import calls, outcome_of

pytestmark = pytest.mark.usefixtures("forked_stand_ins")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return engine_folder(tmp_path)


@pytest.fixture
def new_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., EnginePool]]:
    monkeypatch.setattr(seating, "ARRIVAL_SECONDS", 3600.0)  # however late a thread is
    pools: list[EnginePool] = []

    def make(*, slots: int = 1, backend: str = "hf", is_only_run: bool = True) -> EnginePool:
        spec = engine_spec(
            tmp_path,
            settings={"engine_slots": slots},
            backend=backend,
            is_only_run=is_only_run,
        )
        pools.append(EnginePool(spec))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def plans(*benchmarks: str) -> list[BenchmarkPlan]:
    return [
        BenchmarkPlan(benchmark=b, key=b, n=100 - number) for number, b in enumerate(benchmarks)
    ]


def run(pool: EnginePool, benchmark: str) -> str | EngineError:
    """Work on a benchmark as often as its failures say; return its answer or its last failure."""
    while True:
        try:
            with pool.seat(benchmark) as engine:
                return engine.evaluate(benchmark, "progress").benchmark
        except EngineError as exc:
            if not exc.try_again:
                return exc


def run_all(pool: EnginePool, *benchmarks: str) -> list[Any]:
    with ThreadPoolExecutor(len(benchmarks)) as threads:
        return list(threads.map(lambda benchmark: run(pool, benchmark), benchmarks))


def wait_for(folder: Path, **waits: str) -> None:
    for what, until in waits.items():
        (folder / f"{what}.waits").write_text(until, encoding="utf-8")


def processes(folder: Path, *work: str) -> set[str]:
    return {process for what, process, _ in calls(folder) if what in work}


def test_one_engine_answers_all_in_order(new_pool: Callable[..., EnginePool], folder: Path) -> None:
    wait_for(folder, a="b 1", b="a 1")  # only then a third may sit down
    pool = new_pool()
    pool.plan()
    assert pool.load() == FACTS
    pool.open(plans("a", "b", "c", "d"), count=1)
    assert run_all(pool, "d", "c", "b", "a") == ["d", "c", "b", "a"]
    asked = [what for what, _, _ in calls(folder)]
    assert sorted(asked[2:4]) == ["a", "b"]
    assert sorted(asked[4:]) == ["c", "d"]
    assert len(processes(folder, *"abcd", "load", "plan")) == 1


def test_what_kills_an_engine_is_tried_three_times_and_takes_no_other_down_twice(
    new_pool: Callable[..., EnginePool], folder: Path
) -> None:
    (folder / "a.kill").write_text("9", encoding="utf-8")
    wait_for(folder, a="b 1", b="a 3")
    pool = new_pool()
    pool.load()
    pool.open(plans("a", "b", "c"), count=1)
    answers = run_all(pool, "a", "b", "c")
    assert type(answers[0]) is EngineDied
    assert answers[1:] == ["b", "c"]
    asked = [what for what, _, _ in calls(folder)]
    assert asked.count("a") == 3
    assert asked.count("b") == 2
    assert asked.count("c") == 1


def test_out_of_memory_goes_down_the_ladder_on_fresh_processes(
    new_pool: Callable[..., EnginePool], folder: Path
) -> None:
    (folder / "a.memory").write_text("2", encoding="utf-8")
    pool = new_pool()
    pool.load()
    pool.open(plans("a"), count=1)
    assert run(pool, "a") == "a"
    tried = [(process, sequences) for what, process, sequences in calls(folder) if what == "a"]
    assert [sequences for _, sequences in tried] == ["16", "8", "1"]
    assert len({process for process, _ in tried}) == 3
    assert pool.limits == EngineLimits(max_num_seqs=1)


def test_a_request_that_would_be_cut_gets_an_engine_that_does_not(
    new_pool: Callable[..., EnginePool], folder: Path
) -> None:
    (folder / "a.longer").write_text("1", encoding="utf-8")
    pool = new_pool(backend="vllm")
    pool.load()
    pool.open(plans("a"), count=1)
    assert run(pool, "a") == "a"
    assert pool.limits == EngineLimits(max_length=10_240)
    assert len(processes(folder, "a")) == 2


def test_a_request_that_is_longer_than_any_measured_fails(
    new_pool: Callable[..., EnginePool], folder: Path
) -> None:
    (folder / "a.longer").write_text("9", encoding="utf-8")
    pool = new_pool(backend="vllm")
    pool.load()
    pool.open(plans("a"), count=1)
    failure = run(pool, "a")
    assert isinstance(failure, OutOfMemory)
    assert failure.shortage is Shortage.LENGTH
    assert len(processes(folder, "a")) == 2


def test_memory_that_another_process_holds_is_waited_for_once(
    new_pool: Callable[..., EnginePool], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "RELEASE_SECONDS", 0.01)
    (folder / "load.taken").write_text("2", encoding="utf-8")
    pool = new_pool(backend="vllm")
    before = pool.limits
    tries: list[bool] = []
    for _ in range(2):
        with pytest.raises(OutOfMemory) as caught:
            pool.load()
        tries.append(caught.value.try_again)
    assert tries == [True, False]
    assert pool.limits == before


def test_the_ladder_ends(new_pool: Callable[..., EnginePool], folder: Path) -> None:
    (folder / "a.memory").write_text("99", encoding="utf-8")
    pool = new_pool()
    pool.load()
    pool.open(plans("a", "b"), count=1)
    answers = run_all(pool, "a", "b")
    assert type(answers[0]) is OutOfMemory
    assert answers[1] == "b"


def test_a_load_that_runs_out_of_memory_is_tried_with_less(
    new_pool: Callable[..., EnginePool], folder: Path
) -> None:
    (folder / "load.memory").write_text("1", encoding="utf-8")
    pool = new_pool()
    with pytest.raises(OutOfMemory) as caught:
        pool.load()
    assert caught.value.try_again
    assert pool.load() == FACTS
    assert [sequences for _, _, sequences in calls(folder)] == ["16", "8"]


def test_a_bad_model_is_not_tried_again(new_pool: Callable[..., EnginePool], folder: Path) -> None:
    (folder / "load.refuse").write_text("1", encoding="utf-8")
    pool = new_pool()
    with pytest.raises(LoadFailed) as caught:
        pool.load()
    assert not caught.value.try_again


def test_further_engines_share_the_work(new_pool: Callable[..., EnginePool], folder: Path) -> None:
    pool = new_pool(slots=2)
    pool.load()
    pool.open(plans("a", "b", "c", "d"), count=2)
    with pool.seat("a") as first, pool.seat("b") as second:
        assert run_all(pool, "c", "d") == ["c", "d"]
    assert len(processes(folder, "load")) == 2
    if first is second:  # the other one was slower to start, and had the rest to itself
        assert processes(folder, "c", "d") == {calls(folder)[1][1]}


def test_a_further_engine_that_cannot_load_is_done_without(
    new_pool: Callable[..., EnginePool], folder: Path
) -> None:
    pool = new_pool(slots=2)
    pool.load()
    (folder / "load.refuse").write_text("1", encoding="utf-8")
    pool.open(plans("a", "b", "c"), count=2)
    assert run_all(pool, "a", "b", "c") == ["a", "b", "c"]


def test_without_any_engine_the_reason_is_that_of_the_last_one(
    new_pool: Callable[..., EnginePool], folder: Path
) -> None:
    pool = new_pool()
    pool.load()
    pool.open(plans("a"), count=1)
    (folder / "a.kill").write_text("1", encoding="utf-8")
    (folder / "load.refuse").write_text("1", encoding="utf-8")
    assert type(run(pool, "a")) is LoadFailed


def test_a_benchmark_that_fails_by_itself_ends_no_engine(
    new_pool: Callable[..., EnginePool], folder: Path
) -> None:
    pool = new_pool()
    pool.load()
    pool.open(plans("a", "b"), count=1)
    with pytest.raises(HarnessError), pool.seat("a"):
        raise HarnessError("no such column")
    assert run(pool, "b") == "b"
    assert processes(folder, "load") == processes(folder, "b")


def test_engines_that_others_need_more_end_when_they_are_free(
    new_pool: Callable[..., EnginePool], folder: Path
) -> None:
    pool = new_pool(slots=2)
    pool.load()
    pool.open(plans("a", "b", "c", "d"), count=2)
    with pool.seat("a") as first, pool.seat("b"):
        assert run(pool, "c") == "c"
        both = processes(folder, "load")
        pool.shrink(1)
        assert first.evaluate("a", "progress") == outcome_of("a")
    assert run(pool, "d") == "d"
    pool.shrink(1)  # both benchmarks may have sat on one engine until now
    assert len(both) == 2
    assert running(both, 1) == 1


def test_nothing_is_left_of_an_engine_when_its_model_ends(
    new_pool: Callable[..., EnginePool], folder: Path
) -> None:
    pool = new_pool()
    pool.plan()
    pool.load()
    assert running(processes(folder, "load"), 1) == 1
    pool.close()
    assert running(processes(folder, "plan", "load"), 0) == 0


def test_a_stop_while_an_engine_starts_leaves_its_place_free(
    new_pool: Callable[..., EnginePool], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = new_pool(is_only_run=False)

    def stopped_first(*args: Any, **options: Any) -> Any:
        pool.stop(ClaimLost("cancelled"))
        return call(*args, **options)

    call = EngineHandle.call
    monkeypatch.setattr(EngineHandle, "call", stopped_first)
    with pytest.raises(ClaimLost, match="cancelled"):
        pool.load()
    another = EngineHandle(engine_spec(folder).model_copy(update={"name": "another"}))
    assert another.load() == FACTS  # it needs all cores
    another.close()


def test_a_stop_before_a_seated_benchmark_asks_its_engine_leaves_none(
    new_pool: Callable[..., EnginePool], folder: Path
) -> None:
    pool = new_pool()
    pool.load()
    pool.open(plans("a"), count=1)
    with pool.seat("a") as engine:
        pool.stop(ClaimLost("cancelled"))
        assert engine.evaluate("a", "progress") == outcome_of("a")  # on a new process
    assert len(processes(folder, "load", "a")) == 2
    assert running(processes(folder, "load", "a"), 0) == 0


def running(pids: set[str], count: int) -> int:
    """Return how many processes live on once it is `count` of them, or after a minute."""
    deadline = time.monotonic() + 60
    while (alive := sum(psutil.pid_exists(int(pid)) for pid in pids)) != count:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return alive
