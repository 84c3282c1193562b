"""Which versions a verdict joins."""

from evalboard.board.harnesses import Harnesses
from evalboard.records.verdict import Verdict, Versions


def versions(number: int, backend: str = "vllm") -> Versions:
    return Versions(backend=backend, backend_version="1", lm_eval=str(number))


def verdict(
    old: int, new: int, benchmark: str = "exam", suite: str = "board", compares: bool = True
):
    return Verdict(
        suite=suite, benchmark=benchmark, old=versions(old), new=versions(new), compares=compares,
        models=(), questions=1, different=0, largest_difference=0, points=0, low=0, high=0, margin=1,
    )  # fmt: skip


def alike(harnesses: Harnesses, benchmark: str = "exam", count: int = 5) -> list[set[int]]:
    """Return the numbers of the versions that compare with others."""
    by_name: dict[str, set[int]] = {}
    for number in range(count):
        by_name.setdefault(harnesses.name(benchmark, versions(number)), set()).add(number)
    return [numbers for numbers in by_name.values() if len(numbers) > 1]


def test_without_a_word_no_versions_compare() -> None:
    assert alike(Harnesses()) == []
    assert alike(Harnesses([verdict(1, 2, compares=False)], "board")) == []


def test_a_verdict_is_of_its_benchmark_and_suite() -> None:
    harnesses = Harnesses([verdict(1, 2), verdict(2, 3, suite="other")], "board")
    assert alike(harnesses) == [{1, 2}]
    assert alike(harnesses, "other exam") == []


def test_verdicts_join_in_chains_in_any_order() -> None:
    some = [verdict(1, 2), verdict(3, 4), verdict(3, 2)]
    assert alike(Harnesses(some, "board")) == [{1, 2, 3, 4}]
    assert alike(Harnesses(reversed(some), "board")) == [{1, 2, 3, 4}]


def test_a_newer_verdict_replaces_that_of_the_same_versions() -> None:
    assert verdict(1, 2).replaces(verdict(2, 1, compares=False))
    assert not verdict(1, 2).replaces(verdict(1, 3))
    assert not verdict(1, 2).replaces(verdict(1, 2, benchmark="other"))
