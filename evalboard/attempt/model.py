"""What is asked for, and what is being worked on."""

from pydantic import BaseModel, ConfigDict, Field

from evalboard.engine.spec import EngineSpec
from evalboard.intake.submission import EvaluationRequest
from evalboard.records.outcome import BenchmarkPlan, EngineFacts
from evalboard.records.request import Failure, RequestRecord, Status
from evalboard.records.result import Seconds
from evalboard.suites.model import Benchmark, Suite


class Attempt(BaseModel):
    """An evaluation that is being worked on. Crosses process borders."""

    model_config = ConfigDict(frozen=True)

    request: EvaluationRequest
    is_trial: bool
    """Whether the result stays out of the results store and is run whether or not it is known."""
    record: RequestRecord
    """The claimed request; for a run beside the queue, what its request would be."""
    request_path: str | None
    """Where the request lies; None for a run beside the queue."""
    run_id: str
    run_url: str
    suite: Suite
    engine: EngineSpec
    started: float
    """Seconds since the epoch."""

    @property
    def benchmarks(self) -> tuple[Benchmark, ...]:
        """The benchmarks that were asked for."""
        return self.suite.select(self.request.benchmarks)

    @property
    def progress_key(self) -> str:
        """Name under which progress is noted."""
        return self.request_path or f"run {self.run_id}"


class AttemptPlan(BaseModel):
    """What an attempt has to do."""

    model_config = ConfigDict(frozen=True)

    waiting: tuple[BenchmarkPlan, ...]
    """To be run, the longest first."""
    finished: tuple[BenchmarkPlan, ...]
    """Finished earlier, in the work folder or the results store."""
    impossible: tuple[BenchmarkPlan, ...]
    """Cannot be run; each carries its problem."""
    facts: EngineFacts
    """What the engine says of itself before a model is loaded."""
    start_seconds: float
    """Process start, imports, reading the questions."""


class AttemptEnd(BaseModel):
    """How an attempt ended."""

    model_config = ConfigDict(frozen=True)

    status: Status
    failure: Failure | None = None
    document_path: str | None = None
    """In the results store; for a trial, the file in the work folder; None with nothing to store."""
    scores: dict[str, float] = Field(default_factory=dict)
    """By benchmark key, fractions in [0, 1]: what this attempt stored."""
    seconds: Seconds = Field(default_factory=Seconds)
