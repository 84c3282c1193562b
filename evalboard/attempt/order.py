"""The order of a model's benchmarks. Pure."""

from collections import defaultdict
from collections.abc import Iterable

from evalboard.records.outcome import BenchmarkPlan


def asking_order(plans: Iterable[BenchmarkPlan]) -> list[BenchmarkPlan]:
    """Return the benchmarks in the order in which they run.

    Benchmarks whose prompts start alike are one family and stay together, so their common start is
    in the prefix cache. The largest family comes first, and within it the longest benchmark: the
    longest work must not start last, while other engines are idle.
    """
    families: defaultdict[str, list[BenchmarkPlan]] = defaultdict(list)
    for plan in plans:
        families[plan.prompt_prefix or f"of its own: {plan.benchmark}"].append(plan)
    largest_first = sorted(families.values(), key=lambda family: -sum(plan.n for plan in family))
    return [plan for family in largest_first for plan in sorted(family, key=lambda plan: -plan.n)]


def engine_count(*, slots: int, requests: int, waiting: int) -> int:
    """Return the number of engines for one model: its share of the slots, at least one.

    Args:
        slots: Limit of concurrent engines.
        requests: Number of models that run or wait.
        waiting: Number of this model's benchmarks to run, a limit of useful engines.
    """
    return max(1, min(slots // max(1, requests), waiting))
