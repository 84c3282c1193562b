"""What makes a process fetch questions; see `placing.child_program`."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from evalboard.engine.keeping import Keeper
from evalboard.engine.spec import EngineSpec

if TYPE_CHECKING:
    from evalboard.engine.benchmarks.fetching import QuestionFetcher


def import_libraries(backend: str, cpu_kv_cache_gib: int) -> None:
    """Import lm_eval."""
    import_module("evalboard.engine.benchmarks.fetching")


def prepare(spec: EngineSpec) -> None:
    """Do nothing."""


def make(spec: EngineSpec, keeper: Keeper, questions: Path) -> "QuestionFetcher":
    """Return what fetches into the folder `questions`."""
    from evalboard.engine.benchmarks.fetching import QuestionFetcher

    return QuestionFetcher(spec, questions)
