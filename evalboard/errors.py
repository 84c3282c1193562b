"""Every error that the project raises itself, and what follows when work fails with it.

The tree:

    EvalboardError
    ├── ConfigError           the operator must change something
    │   ├── ForeignKey        another installation signs the requests of the store
    │   └── StoreRefused      the token must not change the store
    ├── StoreError            a store could not be read or written
    │   ├── ConflictError     somebody else committed first: read again, decide again
    │   ├── StoreUnreachable  no usable answer
    │   └── FileTooLarge      more bytes than the reader accepts
    ├── RecordError           a stored file is not of the kind that its path promises
    ├── LifecycleError        the requested change of status is not allowed
    │   ├── ClaimLost         the request was taken away from its run
    │   └── Interrupted       the process of a run is ended
    ├── RunLost               a run died without ending its request; recorded, never raised
    ├── Unexpected            any other error, at work on something that a stranger sent
    ├── ValidationFailed      the submission is wrong; carries the report
    ├── ModelNotFound         no repository or folder under that name and revision
    │   ├── RevisionNotFound  the repository has no such branch, tag or commit
    │   ├── ModelGated        only users whom the owner has approved can read its files
    │   ├── ModelDisabled     the Hub has disabled the repository
    │   └── TooManyFiles      more files than the limit
    ├── HarnessError          lm_eval refused, or returned something unusable
    │   ├── DataMissing       the questions of a benchmark are not available
    │   ├── NotFinite         the model's log-probabilities are infinite or NaN
    │   └── PromptFailed      the model's tokenizer or chat template exceeds its limits
    └── EngineError           a process with a loaded model failed
        ├── OutOfMemory       device or host memory was too small
        ├── EngineDied        the process ended
        ├── NodeLost          its machine left the cluster
        ├── TimedOut          no answer in time
        ├── LoadFailed        the weights or the architecture
        └── MachineUnfit      the machine: driver, compiler, disk, GPU

Each class has a `code`, which is stored with the failed request, and two facts that decide what
follows: `repeats` within an attempt, `recovery` after it. A message names what failed, the value in
quotes, and what to do. Constructors pass only the message to `super()`, so errors survive pickling
between processes.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import ValidationError


class Recovery(StrEnum):
    """How a failed request is restarted."""

    ITSELF = "itself"
    """Automatically: chance or the environment caused the failure."""
    PERSON = "person"
    """By a person: the next attempt would probably fail in the same way."""


class Shortage(StrEnum):
    """What was too small when an engine ran out of memory."""

    STEP = "step"
    """The memory for one step of the model, or nobody knows."""
    CACHE = "cache"
    """The key-value cache, for one request of full length."""
    SEQUENCES = "sequences"
    """The cache of states, for all requests at a time."""
    SHARE = "share"
    """The free memory of a GPU, for the fraction that the engine asks for."""
    LENGTH = "length"
    """The maximum length, for a request: it was chosen for the sake of the memory."""


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


class ForeignKey(ConfigError):
    """Raised when the requests of a store are signed with another key than this machine has."""

    code = "foreign_key"


class StoreRefused(ConfigError):
    """Raised when a store takes no changes from this installation, or does not show itself to it."""

    code = "store_refused"


class StoreError(EvalboardError):
    """Raised when a store cannot be read, or does not contain what was written to it."""

    code = "store"
    recovery = Recovery.ITSELF


class ConflictError(StoreError):
    """Raised when a store has changed since the revision on which a commit is based."""

    code = "conflict"


class StoreUnreachable(StoreError):
    """Raised when a remote store gives no usable answer to a valid request."""

    code = "store_unreachable"


class FileTooLarge(StoreError):
    """Raised when a file has more bytes than the reader accepts. It is not read."""

    code = "file_too_large"
    recovery = Recovery.PERSON

    @classmethod
    def of(cls, path: str, address: str, size: int, at_most: int) -> Self:
        """Return the error for a file of a store. Sizes are in bytes."""
        return cls(
            f"File {path!r} in {address!r} has {size} bytes; at most {at_most} are read. Correct "
            "the file or delete it."
        )


class RecordError(EvalboardError):
    """Raised when a stored file is not the kind of record that its path promises."""

    code = "record"


class LifecycleError(EvalboardError):
    """Raised when a request cannot change from its status to the requested one."""

    code = "lifecycle"


class AlreadyFinished(LifecycleError):
    """Raised when a request is to be evaluated that has all its scores."""

    code = "already_finished"


class ClaimLost(LifecycleError):
    """Raised when a request was cancelled or released during its run."""

    code = "claim_lost"


class Interrupted(LifecycleError):
    """Raised where a run waits for an engine when its process is ended, as by Ctrl-C."""

    code = "interrupted"


class RunLost(EvalboardError):
    """The failure of an attempt whose run ended without ending its request. Never raised."""

    code = "run_lost"
    recovery = Recovery.ITSELF


class Unexpected(EvalboardError):
    """An error of another kind, at work on something that a stranger sent.

    See `evalboard.containing`. Such an error ends the work on one request, row or model alone.
    """

    code = "unexpected"


class ValidationFailed(EvalboardError):
    """Raised when a submission fails its checks.

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
    """Raised when only users whom the owner has approved can read a model's files."""

    code = "model_gated"


class ModelDisabled(ModelNotFound):
    """Raised when the Hub has disabled a repository."""

    code = "model_disabled"


class TooManyFiles(ModelNotFound):
    """Raised when a repository has more files than the limit."""

    code = "too_many_files"


class HarnessError(EvalboardError):
    """Raised when lm_eval refuses a task or returns something unusable."""

    code = "task_failed"


class DataMissing(HarnessError):
    """Raised when the questions of a benchmark are neither in the mirror nor on a reachable Hub."""

    code = "data_missing"


class NotFinite(HarnessError):
    """Raised when a model returns infinite or NaN log-probabilities."""

    code = "not_finite"


class PromptFailed(HarnessError):
    """Raised when a model's tokenizer or chat template exceeds its limits of time or memory."""

    code = "prompt_failed"


class EngineError(EvalboardError):
    """Raised when a process with a loaded model fails.

    Args:
        message: What failed and what to do.
        settings: The engine settings in force.
        log_tail: The last lines that the process wrote.

    `try_again` says whether another try may succeed. The caller that counts the tries sets it.
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
    """Raised when an engine runs out of device or host memory.

    Repeated as long as there are other settings to try; by then, a person must look.

    Args:
        message: What failed and what to do.
        shortage: What was too small.
        settings: The engine settings in force.
        log_tail: The last lines that the process wrote.
    """

    code = "out_of_memory"

    def __init__(
        self,
        message: str,
        *,
        shortage: Shortage = Shortage.STEP,
        settings: dict[str, Any] | None = None,
        log_tail: str = "",
    ) -> None:
        super().__init__(message, settings=settings, log_tail=log_tail)
        self.shortage = shortage


class EngineDied(EngineError):
    """Raised when an engine's process dies without an answer."""

    code = "engine_died"
    recovery = Recovery.ITSELF
    repeats = 2
    """A crash that comes back is no chance."""


class NodeLost(EngineError):
    """Raised when the machine of an engine leaves the cluster, or the cluster is gone."""

    code = "node_lost"
    recovery = Recovery.ITSELF
    repeats = 20
    """A lost machine says nothing about the work, but a cluster that loses more is unhealthy."""


class TimedOut(EngineError):
    """Raised when an engine does not answer, or gets no GPUs, within the time limit."""

    code = "time_out"


class LoadFailed(EngineError):
    """Raised when a model cannot be loaded: bad weights or an unsupported architecture."""

    code = "load_failed"


class MachineUnfit(EngineError):
    """Raised when the cause is the machine, whatever the model.

    A stranger's file can quote such an error. Before a machine is kept from further requests, it is
    therefore asked itself (`evalboard.engine.fitness`).
    """

    code = "machine_unfit"
    recovery = Recovery.ITSELF


class NodeUnfit(MachineUnfit):
    """Raised when machines of the Ray cluster were examined, and are unfit for an engine."""

    code = "node_unfit"


def recovery_of(code: str) -> Recovery:
    """Return what follows a failure of this code; one that no class has waits for a person."""
    return error_class(code).recovery


def error_class(code: str) -> type[EvalboardError]:
    """Return the class of errors with this code, the base of all if there is none."""
    kinds = (kind for kind in _kinds(EvalboardError) if kind.code == code)
    return next(kinds, EvalboardError)


def _kinds(kind: type[EvalboardError]) -> Iterator[type[EvalboardError]]:
    yield kind
    for special in kind.__subclasses__():
        yield from _kinds(special)


def first_problem(exc: ValidationError) -> str:
    """Return the location and the text of a file's first problem: `status: Input should be …`."""
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    return f"{where}: {first['msg']}"
