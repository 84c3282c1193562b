"""Every error that the project raises itself, and what follows when work fails with it.

The tree:

    EvalboardError
    ├── ConfigError           the operator must change something
    ├── StoreError            a store could not be read or written
    │   ├── ConflictError     somebody else committed first: read again, decide again
    │   ├── StoreUnreachable  no usable answer
    │   └── FileTooLarge      more bytes than the reader takes
    ├── RecordError           a stored file is not what its place promises
    ├── LifecycleError        a status may not follow the one that is there
    │   └── ClaimLost         somebody took the request away from the run that worked on it
    ├── RunLost               a run ended without ending its request; noted, never raised
    ├── ValidationFailed      the submission is wrong; carries the report
    ├── ModelNotFound         no repository or folder under that name and revision
    │   ├── RevisionNotFound  the repository has no such branch, tag or commit
    │   ├── ModelGated        its files are given out to those alone whom its owner let in
    │   ├── ModelDisabled     the Hub has closed it
    │   └── TooManyFiles      more files than are looked at
    ├── HarnessError          lm_eval refused, or returned something unusable
    │   ├── DataMissing       the questions of a benchmark cannot be had
    │   └── NotFinite         the model's log-probabilities are no numbers
    └── EngineError           a process that holds a model failed
        ├── OutOfMemory       device or host memory was too small
        ├── EngineDied        the process ended
        ├── NodeLost          the machine went away with it
        ├── TimedOut          no answer in time
        └── LoadFailed        the weights or the architecture

Each class has a `code`, which is stored with the failed request, and two facts that decide what
follows: `repeats` within an attempt, `recovery` after it. A message says what failed, with the
value, and what to do about it. Constructors pass only the message to `super()`, so that errors cross
process borders (pickle) whole.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import ValidationError


class Recovery(StrEnum):
    """Who starts a failed request again."""

    ITSELF = "itself"
    """Chance or the surroundings: the next attempt may end otherwise."""
    PERSON = "person"
    """It would end the same way, or nobody knows: a person looks first."""


class EvalboardError(Exception):
    """Base of all errors of this project."""

    code: ClassVar[str] = "error"
    recovery: ClassVar[Recovery] = Recovery.PERSON
    """What follows when an attempt failed with it."""
    repeats: ClassVar[int] = 0
    """How often an attempt does the same work again that ends with it each time."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConfigError(EvalboardError):
    """Raised when a setting or an argument must be corrected by the operator."""

    code = "config"


class StoreError(EvalboardError):
    """Raised when a store cannot be read, or does not hold what was written to it."""

    code = "store"
    recovery = Recovery.ITSELF


class ConflictError(StoreError):
    """Raised when the store moved on from the revision that a commit was decided on."""

    code = "conflict"


class StoreUnreachable(StoreError):
    """Raised when a remote store gives no usable answer: nothing is wrong with what was asked."""

    code = "store_unreachable"


class FileTooLarge(StoreError):
    """Raised in place of reading a file that has more bytes than the reader takes."""

    code = "file_too_large"
    recovery = Recovery.PERSON

    @classmethod
    def of(cls, path: str, address: str, size: int, at_most: int) -> Self:
        """Build it for a file of a store; sizes in bytes."""
        return cls(
            f"File {path!r} in {address!r} has {size} bytes; at most {at_most} are read. Correct "
            "the file or delete it."
        )


class RecordError(EvalboardError):
    """Raised when a stored file cannot be read as the record that its place promises."""

    code = "record"


class LifecycleError(EvalboardError):
    """Raised when a request may not go from its status to the one asked for."""

    code = "lifecycle"


class ClaimLost(LifecycleError):
    """Raised when a request was cancelled, or released, while a run worked on it."""

    code = "claim_lost"


class RunLost(EvalboardError):
    """The failure of an attempt whose run ended without ending its request. Never raised."""

    code = "run_lost"
    recovery = Recovery.ITSELF


class ValidationFailed(EvalboardError):
    """Raised when a submission does not pass its checks.

    `report` is the `evalboard.records.report.Report` with every finding.
    """

    code = "validation"

    def __init__(self, message: str, *, report: Any = None) -> None:
        super().__init__(message)
        self.report = report


class ModelNotFound(EvalboardError):
    """Raised when no repository or folder exists under a model's name and revision."""

    code = "model_not_found"


class RevisionNotFound(ModelNotFound):
    """Raised when a repository has no such branch, tag or commit."""

    code = "revision_not_found"


class ModelGated(ModelNotFound):
    """Raised when the Hub gives a model's files only to those whom its owner let in."""

    code = "model_gated"


class ModelDisabled(ModelNotFound):
    """Raised when the Hub has disabled a repository."""

    code = "model_disabled"


class TooManyFiles(ModelNotFound):
    """Raised when a repository has more files than are looked at."""

    code = "too_many_files"


class HarnessError(EvalboardError):
    """Raised when lm_eval refuses a task or returns something unusable."""

    code = "task_failed"


class DataMissing(HarnessError):
    """Raised when the questions of a benchmark are in no mirror and on no reachable Hub."""

    code = "data_missing"


class NotFinite(HarnessError):
    """Raised when a model gives log-probabilities that are NaN or infinite."""

    code = "not_finite"


class EngineError(EvalboardError):
    """Raised when the process that holds a model fails.

    Args:
        message: What failed and what to do.
        settings: The engine settings in force.
        log_tail: The last lines that the process wrote.

    `try_again` says whether another try may end otherwise. Whoever counts the tries sets it.
    """

    code = "engine"

    def __init__(
        self, message: str, *, settings: dict[str, Any] | None = None, log_tail: str = ""
    ) -> None:
        super().__init__(message)
        self.settings = settings or {}
        self.log_tail = log_tail
        self.try_again = False


class OutOfMemory(EngineError):
    """Raised when an engine ran out of device or host memory.

    Repeated as long as there are smaller settings to try; by then, a person must look.
    """

    code = "out_of_memory"


class EngineDied(EngineError):
    """Raised when the process of an engine ended without an answer."""

    code = "engine_died"
    recovery = Recovery.ITSELF
    repeats = 2
    """A crash that comes back is no chance."""


class NodeLost(EngineError):
    """Raised when the machine that an engine ran on left the cluster."""

    code = "node_lost"
    recovery = Recovery.ITSELF
    repeats = 20
    """A machine that goes away says nothing about the work, but a cluster that loses more is ill."""


class TimedOut(EngineError):
    """Raised when an engine gave no answer, or found no place, in the time that is allowed."""

    code = "time_out"


class LoadFailed(EngineError):
    """Raised when a model cannot be loaded: bad weights or an unsupported architecture."""

    code = "load_failed"


def recovery_of(code: str) -> Recovery:
    """Return what follows a failure of this code; one that no class has waits for a person."""
    kinds = (kind for kind in _kinds(EvalboardError) if kind.code == code)
    return next((kind.recovery for kind in kinds), Recovery.PERSON)


def _kinds(kind: type[EvalboardError]) -> Iterator[type[EvalboardError]]:
    yield kind
    for special in kind.__subclasses__():
        yield from _kinds(special)


def first_problem(exc: ValidationError) -> str:
    """Return where the first problem of a file is, and what: `status: Input should be …`."""
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    return f"{where}: {first['msg']}"
