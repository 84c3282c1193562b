from evalboard.attempt.order import asking_order, engine_count
from evalboard.records.outcome import BenchmarkPlan


def plan(benchmark: str, n: int, prefix: str = "") -> BenchmarkPlan:
    return BenchmarkPlan(benchmark=benchmark, key=benchmark, n=n, prompt_prefix=prefix)


def order(*plans: BenchmarkPlan) -> list[str]:
    return [p.benchmark for p in asking_order(plans)]


def test_longest_first() -> None:
    assert order(plan("a", 100), plan("b", 4183), plan("c", 500)) == ["b", "c", "a"]


def test_benchmarks_that_open_alike_stay_together() -> None:
    shared = "The following are questions" * 10
    names = order(plan("a", 300, shared), plan("b", 400), plan("c", 200, shared), plan("d", 50))
    assert names == ["a", "c", "b", "d"]


def test_largest_family_is_first_although_another_benchmark_is_longer() -> None:
    names = order(plan("a", 300, "x"), plan("long", 400), plan("b", 250, "x"))
    assert names == ["a", "b", "long"]


def test_a_model_gets_its_share_of_the_slots() -> None:
    assert engine_count(slots=8, requests=1, waiting=9) == 8
    assert engine_count(slots=8, requests=3, waiting=9) == 2
    assert engine_count(slots=8, requests=100, waiting=9) == 1
    assert engine_count(slots=8, requests=0, waiting=9) == 8  # a run beside the queue
    assert engine_count(slots=8, requests=1, waiting=2) == 2
    assert engine_count(slots=1, requests=1, waiting=0) == 1
