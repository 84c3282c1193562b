"""What is asked for, and what is being worked on."""

from pydantic import BaseModel, ConfigDict, Field

from evalboard.engine.spec import EngineSpec
from evalboard.records.outcome import BenchmarkPlan, EngineFacts
from evalboard.records.request import Failure, RequestRecord, Status
from evalboard.records.result import Seconds
from evalboard.submission import Submission
from evalboard.suites.model import Benchmark, Suite


class EvaluationRequest(Submission):
    """Parameters of an evaluation, as the form of the Prefect UI shows them."""

    request_path: str = Field(
        default="",
        description="The poll names the request here: it is evaluated only if it is still pending. "
        "Leave it empty to start by hand, which also takes up failed and cancelled requests.",
    )
    benchmarks: tuple[str, ...] = Field(
        default=(),
        description="Keys of the benchmarks to run; none means all of the suite. A part of a suite "
        "is stored and shown, but does not finish the model's request.",
    )
    limit: int | None = Field(
        default=None,
        ge=1,
        description="Ask only the first so many questions of each benchmark. The result is a "
        "trial: it is kept in the work folder and never enters the board.",
    )
    num_fewshot: int | None = Field(
        default=None,
        ge=0,
        description="Examples before each question, where the suite's own number is not wanted. "
        "The result is a trial, as with a limit.",
    )

    @property
    def is_trial(self) -> bool:
        """Whether the result stays out of the results store."""
        return self.limit is not None or self.num_fewshot is not None

    @property
    def is_whole(self) -> bool:
        """Whether the request of the model is finished by this evaluation."""
        return not self.is_trial and not self.benchmarks


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
