"""Read the questions that are not in the mirror, before an engine without a network needs them."""

from collections.abc import Sequence
from pathlib import Path

from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.engine.spec import EngineSpec
from evalboard.errors import EvalboardError


class QuestionFetcher:
    """A process with a network and the Hub's token, which sees no file of a model.

    Args:
        spec: Specification of the engine that needs the questions.
        into: Folder for the questions.
    """

    def __init__(self, spec: EngineSpec, into: Path) -> None:
        self._spec = spec
        self._into = into

    def fetch(self, benchmarks: Sequence[str]) -> dict[str, dict[str, str]]:
        """Read the questions of benchmarks.

        Args:
            benchmarks: Keys in the suite.

        Returns:
            The problem of each benchmark whose questions cannot be read, as in `BenchmarkPlan`.
        """
        spec = self._spec
        chosen = spec.suite.select(tuple(benchmarks))
        library = TaskLibrary(
            chosen,
            definitions=spec.suite.tasks,
            mirror=spec.settings.datasets,
            fetched=self._into,
            offline=spec.settings.offline,
        )
        problems: dict[str, dict[str, str]] = {}
        for benchmark in chosen:
            try:
                library.fetch(benchmark, num_fewshot=spec.num_fewshot)
            except EvalboardError as exc:
                problems[benchmark.key] = {"code": exc.code, "message": exc.message}
        return problems
