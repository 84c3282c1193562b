"""The records of an attempt."""

from pydantic import BaseModel, ConfigDict, Field

from evalboard.engine.spec import EngineSpec
from evalboard.identity import result_folder
from evalboard.intake.submission import EvaluationRequest
from evalboard.records.outcome import BenchmarkPlan, EngineFacts
from evalboard.records.request import Failure, RequestRecord, Status
from evalboard.records.result import Seconds
from evalboard.suites.model import Benchmark, Suite
from evalboard.wording import counted


class Attempt(BaseModel):
    """An evaluation in progress. It is passed between processes."""

    model_config = ConfigDict(frozen=True)

    request: EvaluationRequest
    is_trial: bool
    """Whether the result stays out of the results store, and known scores are computed again."""
    record: RequestRecord
    """The claimed request. Without the queue, an equivalent record."""
    request_path: str | None
    """Path of the request, None without the queue."""
    run_id: str
    run_url: str
    suite: Suite
    engine: EngineSpec
    started: float
    """Seconds since the epoch."""

    @property
    def benchmarks(self) -> tuple[Benchmark, ...]:
        """The requested benchmarks."""
        return self.suite.select(self.request.benchmarks)

    @property
    def result_folder(self) -> str:
        """Folder of this row's documents on the suite, in the results store."""
        return result_folder(self.record.choice, self.suite.name)

    @property
    def progress_key(self) -> str:
        """Name under which progress is recorded."""
        return self.request_path or f"run {self.run_id}"


class AttemptPlan(BaseModel):
    """The plan of an attempt."""

    model_config = ConfigDict(frozen=True)

    waiting: tuple[BenchmarkPlan, ...]
    """Benchmarks to run, the longest first."""
    finished: tuple[BenchmarkPlan, ...]
    """Benchmarks finished earlier, in the work folder or the results store."""
    impossible: tuple[BenchmarkPlan, ...]
    """Benchmarks that cannot run, each with its problem."""
    facts: EngineFacts
    """Facts of the engine before a model is loaded."""
    start_seconds: float
    """Seconds for the start of the process that plans, imports and reading the questions."""


class AttemptEnd(BaseModel):
    """The end of an attempt."""

    model_config = ConfigDict(frozen=True)

    status: Status
    failure: Failure | None = None
    document_path: str | None = None
    """Path in the results store; for a trial, the file in the work folder; None if nothing was
    stored.
    """
    scores: dict[str, float] = Field(default_factory=dict)
    """Scores that this attempt stored, by benchmark key, as fractions in [0, 1]."""
    seconds: Seconds = Field(default_factory=Seconds)

    @property
    def reason(self) -> str:
        """What a finished attempt has done."""
        number = len(self.scores)
        return (
            f"{counted(number, 'benchmark')} stored"
            if number
            else "all benchmarks were stored earlier"
        )
