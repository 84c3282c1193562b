"""What a suite asks now, without a model: versions of tasks, and fingerprints of questions."""

from collections.abc import Sequence
from typing import NamedTuple

from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.settings import Settings
from evalboard.suites.model import Suite


class Asked(NamedTuple):
    """One benchmark as it is asked now, in the words of result documents."""

    task_versions: tuple[str, ...]
    """lm_eval's version of each task, in the order of the suite."""
    questions: str
    """Fingerprint of the questions."""


def asked_now(suite: Suite, benchmarks: Sequence[str], settings: Settings) -> dict[str, Asked]:
    """Return what benchmarks of a suite ask, by their keys. All their questions are read.

    Raises:
        ConfigError: There is no such task.
        DataMissing: The questions of a benchmark cannot be loaded.
        HarnessError: lm_eval cannot build a task.
    """
    chosen = suite.select(tuple(benchmarks))
    library = TaskLibrary(
        chosen,
        definitions=suite.tasks,
        mirror=settings.datasets,
        fetched=settings.work_folder / "questions",
        offline=settings.offline,
    )
    found: dict[str, Asked] = {}
    for benchmark in chosen:
        loaded = library.load(benchmark)
        versions = tuple(identity.version for identity in loaded.identity)
        found[benchmark.key] = Asked(versions, loaded.dataset_fingerprint)
    return found
