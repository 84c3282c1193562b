"""Whether what a suite is compared with exists."""

from collections.abc import Iterator
from difflib import get_close_matches

from evalboard.settings import Settings
from evalboard.suites.contradictions import Mistake
from evalboard.suites.loader import find_suite, suite_names
from evalboard.suites.model import Suite


def comparison_mistakes(suite: Suite, settings: Settings) -> Iterator[Mistake]:
    """Yield the suite or the benchmarks of a comparison that do not exist, with the nearest names.

    Raises:
        ConfigError: A suite that the settings name cannot be loaded.
    """
    if not suite.compared_with:
        return
    other = find_suite(suite.compared_with, settings)
    if other is None:
        names = get_close_matches(suite.compared_with, suite_names(settings), cutoff=0)
        message = f"There is no suite {suite.compared_with!r}. The nearest are {', '.join(names)}."
        yield Mistake(("compared_with",), message)
        return
    keys = [benchmark.key for benchmark in other.benchmarks]
    for at, benchmark in enumerate(suite.benchmarks):
        if benchmark.compared_with and benchmark.compared_with not in keys:
            near = ", ".join(get_close_matches(benchmark.compared_with, keys, cutoff=0))
            message = (
                f"Suite {other.name!r} has no benchmark {benchmark.compared_with!r}. The nearest are "
                f"{near}."
            )
            yield Mistake(("benchmarks", at, "compared_with"), message)
