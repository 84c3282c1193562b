"""A stand-in engine whose answers are a file of answers."""

from pathlib import Path

import pyarrow as pa

from evalboard.engine.keeping import Keeper
from evalboard.engine.spec import EngineSpec
from evalboard.records.outcome import BenchmarkOutcome
from evalboard.records.parquet import parquet_file
from tests.stand_in_engine import StandInEngine, import_libraries, prepare

__all__ = ["import_libraries", "make", "prepare"]

ANSWERS = parquet_file(pa.table({"question_id": [0], "doc_hash": ["h"], "correct": [True]}))


def make(spec: EngineSpec, keeper: Keeper, questions: Path) -> "AnsweringEngine":
    """Return the engine."""
    return AnsweringEngine(spec, keeper)


class AnsweringEngine(StandInEngine):
    """Answers one question of each benchmark."""

    def evaluate(self, benchmark: str) -> tuple[BenchmarkOutcome, bytes]:
        outcome, _ = super().evaluate(benchmark)
        (task,) = outcome.tasks
        metrics = {**outcome.metrics, "acc_norm,none": 0.5}
        tasks = (task.model_copy(update={"metrics": metrics}),)
        return outcome.model_copy(update={"metrics": metrics, "tasks": tasks}), ANSWERS
