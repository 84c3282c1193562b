"""Names and numbers as others write them. Pure."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from evalboard.records.precision import Precision
from evalboard.suites.model import Benchmark

Note = Callable[[str], object]
"""Is told in a sentence what was changed, guessed or left out."""

_OLD_TASK = re.compile(r"[^|]+\|([^|]+)\|(\d+)")
"""`harness|hendrycksTest-anatomy|5`, in results of lm-eval before 0.4 and of lighteval."""
SAME_METRICS = {"acc": ("accuracy",), "exact_match": ("em", "exact")}
"""Other names of a metric, by lm-eval's."""


def plain_name(name: str) -> str:
    """Return the name of a task without what differs between versions and boards."""
    old = _OLD_TASK.fullmatch(name)
    text = (old[1] if old else name).strip().lower()
    return re.sub(r"[\s:\-]+", "_", text.replace("hendryckstest-", "mmlu_"))


def shots_in(name: str) -> int | None:
    """Return the number of examples that an old name of a task contains, None without one."""
    old = _OLD_TASK.fullmatch(name)
    return int(old[2]) if old else None


def find_entry(entries: Mapping[str, Any], benchmark: Benchmark) -> str | None:
    """Return the name under which results have a benchmark, None if they do not."""
    for exact in (benchmark.task_name, benchmark.key):
        if exact in entries:
            return exact
    names = {plain_name(text) for text in (benchmark.task_name, benchmark.key, benchmark.title)}
    return next((name for name in entries if plain_name(name) in names), None)


def find_metric(entry: Mapping[str, Any], metric: str) -> str | None:
    """Return the name under which an entry has a metric, None if it does not.

    Args:
        entry: Values by metric.
        metric: lm-eval's `{metric},{filter}`.
    """
    if metric in entry:
        return metric
    wanted = metric.partition(",")[0]
    for name in (wanted, *SAME_METRICS.get(wanted, ())):
        found = next((key for key in entry if key.partition(",")[0].lower() == name), None)
        if found is not None:
            return found
    return None


def stderr_names(metric: str) -> Iterator[str]:
    """Yield the names of a metric's standard error: `acc_stderr,none`, `acc_stderr`."""
    name, comma, chain = metric.partition(",")
    yield f"{name}_stderr{comma}{chain}"
    yield f"{name}_stderr"


def number(value: Any) -> float | None:
    """Return a finite number, also from its text; None for anything else, such as `NaN` and `N/A`."""
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def fraction(value: Any, what: str, note: Note) -> tuple[float | None, float]:
    """Return a score as a fraction in [0, 1], and what it was divided by; None if it is no score.

    Args:
        value: As it was written.
        what: Name of the score, for notes.
        note: Is told what was changed.
    """
    found = number(value)
    if found is None:
        note(f"{what} is {value!r}, which is no number: left out.")
        return None, 1.0
    if isinstance(value, str):
        note(f"{what} is the text {value!r}: read as a number.")
    if 1 < found <= 100:
        note(f"{what} is {found:g}: taken for percent.")
        return found / 100, 100.0
    if not 0 <= found <= 1:
        note(f"{what} is {found:g}, which is no share of right answers: left out.")
        return None, 1.0
    return found, 1.0


def precision(value: Any) -> str:
    """Return a precision under this project's name, or as it was written."""
    text = "" if value is None else str(value)
    return str(Precision.parse(text) or text)


def listed(names: Sequence[str], most: int = 8) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
