"""In which order the benchmarks of a model are asked. Pure."""

from collections import defaultdict
from collections.abc import Iterable

from evalboard.records.outcome import BenchmarkPlan


def asking_order(plans: Iterable[BenchmarkPlan]) -> list[BenchmarkPlan]:
    """Return the benchmarks in the order in which they are handed out.

    Those whose prompts open alike are one family and stay together, so that what they share is in
    the prefix cache. The largest family is first and within it the longest benchmark: what takes
    longest must not begin last, when other engines have nothing left to do.
    """
    families: defaultdict[str, list[BenchmarkPlan]] = defaultdict(list)
    for plan in plans:
        families[plan.prompt_prefix or f"of its own: {plan.benchmark}"].append(plan)
    largest_first = sorted(families.values(), key=lambda family: -sum(plan.n for plan in family))
    return [plan for family in largest_first for plan in sorted(family, key=lambda plan: -plan.n)]


def engine_count(*, slots: int, requests: int, waiting: int) -> int:
    """Return how many engines one model gets: its share of the slots, at least one.

    Args:
        slots: Engines that may run at the same time.
        requests: Models that are being evaluated or wait for it.
        waiting: Benchmarks of this one that are to be run; more engines would have nothing to do.
    """
    return max(1, min(slots // max(1, requests), waiting))
