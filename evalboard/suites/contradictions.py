"""What a suite cannot say, although each part of it is well-formed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from evalboard.records.columns import MODEL_COLUMNS

if TYPE_CHECKING:
    from evalboard.suites.model import Suite

Place = tuple[str | int, ...]
"""Keys and positions that lead to a part of a suite file."""


class Mistake(NamedTuple):
    """What is wrong, and in which part of the file."""

    place: Place
    message: str


def contradictions(suite: "Suite") -> Iterator[Mistake]:
    """Yield everything in a suite that contradicts another part of it."""
    yield from _in_names(suite)
    yield from _in_groups(suite)
    yield from _in_weights(suite)
    yield from _in_comparison(suite)


def _in_names(suite: "Suite") -> Iterator[Mistake]:
    """Yield names that occur twice: result documents tell benchmarks apart by them alone."""
    keys: set[str] = set()
    tasks: set[str] = set()
    for at, benchmark in enumerate(suite.benchmarks):
        place = ("benchmarks", at)
        for key in (benchmark.key, *benchmark.tasks):
            where = (*place, "tasks" if key in benchmark.tasks else "key")
            if key in keys:
                yield Mistake(where, f"duplicate benchmark keys: {key}")
            if key in MODEL_COLUMNS:
                message = f"benchmark keys that are already columns of the board: {key}"
                yield Mistake(where, message)
            keys.add(key)
        for task in (benchmark.task_name, *benchmark.tasks):
            if task in tasks:
                where = (*place, "tasks" if task in benchmark.tasks else "task")
                yield Mistake(where, f"duplicate lm_eval tasks: {task}")
            tasks.add(task)


def _in_groups(suite: "Suite") -> Iterator[Mistake]:
    """Yield headings that are listed without a benchmark, twice, or not at all."""
    used = {benchmark.group for benchmark in suite.benchmarks}
    listed: set[str] = set()
    for at, group in enumerate(suite.groups):
        place = ("groups", at, "title")
        if group.title in listed:
            yield Mistake(place, f"duplicate groups: {group.title}")
        if group.title not in used:
            yield Mistake(place, f"groups without a benchmark: {group.title}")
        listed.add(group.title)
    for at, benchmark in enumerate(suite.benchmarks):
        if listed and benchmark.group not in {"", *listed}:
            message = f"groups that `groups` does not list: {benchmark.group}"
            yield Mistake(("benchmarks", at, "group"), message)


def _in_weights(suite: "Suite") -> Iterator[Mistake]:
    """Yield what leaves the average undefined."""
    if suite.average.of == "groups":
        for at, benchmark in enumerate(suite.benchmarks):
            if benchmark.weight and not benchmark.group:
                message = f"benchmarks without a group in an average of groups: {benchmark.key}"
                yield Mistake(("benchmarks", at), message)
    else:
        for at, group in enumerate(suite.groups):
            if group.weight != 1:
                message = "weights of groups need `average: {of: groups}`"
                yield Mistake(("groups", at, "weight"), message)
    if suite.benchmarks and not any(suite.weights.values()):
        yield Mistake(("benchmarks",), "every benchmark has the weight 0, so there is no average")


def _in_comparison(suite: "Suite") -> Iterator[Mistake]:
    """Yield what is compared with nothing, or with itself."""
    # A form whose name is not well-formed has none.
    if suite.compared_with and suite.compared_with == getattr(suite, "name", ""):
        yield Mistake(("compared_with",), "a suite cannot be compared with itself")
    for at, benchmark in enumerate(suite.benchmarks):
        if benchmark.compared_with and not suite.compared_with:
            place = ("benchmarks", at, "compared_with")
            yield Mistake(place, "the suite names no other suite in its own `compared_with`")
