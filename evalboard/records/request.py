"""A request: one submission of one model, as a JSON file that other boards' tools can read.

The outer fields are those of the Open LLM Leaderboard's request files. What only this project knows
stands under the one key `evalboard`. Unknown keys of others are kept as they are; how their words
are read stands in `evalboard.records.foreign`.
"""

import codecs
import json
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from evalboard.errors import RecordError, first_problem
from evalboard.records.choice import PinnedChoice, WeightType
from evalboard.records.foreign import adopt
from evalboard.records.precision import Precision

SCHEMA_VERSION = 1
LARGEST_FILE = 2**20
"""Bytes. A request has a few thousand; a larger file is something else, or an attack."""
LARGEST_INDENTED = 100_000
"""Characters up to which a file is written with indentation."""


class Status(StrEnum):
    """Where a request stands. `evalboard.lifecycle` says which may follow which."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


class ModelType(StrEnum):
    """How a model came to be. The sign is shown beside the text, never alone."""

    PRETRAINED = "pretrained"
    CONTINUOUSLY_PRETRAINED = "continuously pretrained"
    FINE_TUNED = "fine-tuned"
    INSTRUCTION_TUNED = "instruction-tuned"
    RL_TUNED = "RL-tuned"
    CHAT = "chat"
    MERGE = "merge"
    UNKNOWN = "unknown"

    @property
    def sign(self) -> str:
        """One character for narrow columns."""
        return _SIGNS[self]

    @classmethod
    def parse(cls, text: str) -> "ModelType":
        """Read a type as boards write it: `fine-tuned`, `🔶`, `🔶 : fine-tuned on domain data`."""
        lowered = text.lower()
        for member in sorted(cls, key=lambda m: -len(m.value)):
            if member.value.lower() in lowered or (member.sign != "?" and member.sign in text):
                return member
        return cls.UNKNOWN


_SIGNS = {
    ModelType.PRETRAINED: "🟢",
    ModelType.CONTINUOUSLY_PRETRAINED: "🟩",
    ModelType.FINE_TUNED: "🔶",
    ModelType.INSTRUCTION_TUNED: "⭕",
    ModelType.RL_TUNED: "🟦",
    ModelType.CHAT: "💬",
    ModelType.MERGE: "🤝",
    ModelType.UNKNOWN: "?",
}


class Claim(BaseModel):
    """Who works on a request."""

    model_config = ConfigDict(frozen=True, extra="allow")

    run_id: str
    """Flow-run id in Prefect; unique, so that two claims never have the same content."""
    host: str
    pid: int | None = Field(default=None, ge=0)
    """Number of the process on that machine, where it is known."""
    started: float | None = None
    """When that process was started, in seconds since the epoch."""
    pid_namespace: int | None = None
    """Where that number counts: containers may share a host's name, but not its processes."""
    server: str = ""
    """Prefect server that knows the run; only that one can say that it does not."""


class Failure(BaseModel):
    """Why the last attempt failed."""

    model_config = ConfigDict(frozen=True, extra="allow")

    code: str
    """`code` of the error's class in `evalboard.errors`."""
    message: str
    log_tail: str = ""
    run_url: str = ""


class HistoryEntry(BaseModel):
    """One change of status."""

    model_config = ConfigDict(frozen=True, extra="allow")

    status: Status
    time: str
    """UTC, ISO 8601, seconds."""
    reason: str = ""


class BoardBlock(BaseModel):
    """The part of a request that only this project writes and reads."""

    model_config = ConfigDict(frozen=True, extra="allow")

    schema_version: int = SCHEMA_VERSION
    suite: str = ""
    """Suite to evaluate on; empty means the board's own."""
    priority: int = 0
    """Higher is earlier."""
    base_revision: str = ""
    """Commit sha of the base model; a branch or tag until the check pins it. Empty for whole
    weights."""
    attempts: int = 0
    """How often the request was claimed."""
    claimed_by: Claim | None = None
    claimed_time: str | None = None
    failed_attempts: int = 0
    """Attempts that failed since a person last asked for the request."""
    lost_runs: int = 0
    """Runs that vanished since a person last asked for the request."""
    retry_after: str | None = None
    """UTC time before which a pending request is not started again; None for at once."""
    history: tuple[HistoryEntry, ...] = ()
    failure: Failure | None = None
    report: dict[str, Any] | None = None
    """`Report.to_document()` of the last check."""
    original: dict[str, Any] = Field(default_factory=dict)
    """What another program's file said, by field, where it is now said in other words."""


class RequestRecord(BaseModel):
    """One submission. Frozen: changes are made with `model_copy(update=...)`."""

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        ser_json_inf_nan="constants",  # as the program that wrote them does
    )

    model: str
    """`{org}/{name}`."""
    base_model: str = ""
    revision: str = "main"
    """Commit sha; a branch or tag only in files that others wrote, until the poll pins it."""
    precision: str = Precision.FLOAT16
    params: float | None = None
    """Parameters in billions."""
    architectures: str | None = None
    weight_type: str = WeightType.ORIGINAL
    status: Status = Status.PENDING
    submitted_time: str = ""
    """UTC, ISO 8601."""
    model_type: str = ModelType.UNKNOWN
    job_id: int | str = -1
    job_start_time: str | None = None
    use_chat_template: bool = False
    sender: str = ""
    evalboard: BoardBlock = Field(default_factory=BoardBlock)

    @property
    def choice(self) -> PinnedChoice:
        """Which model is meant."""
        fields = {name: getattr(self, name) for name in _CHOICE_FIELDS}
        return PinnedChoice(**fields, base_revision=self.evalboard.base_revision)

    @staticmethod
    def choice_fields(choice: PinnedChoice) -> dict[str, Any]:
        """Return a choice as a request's fields; `evalboard.base_revision` is not among them."""
        return choice.model_dump(include=set(_CHOICE_FIELDS))

    @property
    def path(self) -> str:
        """Where the request lies in its store."""
        chat = "_chat" if self.use_chat_template else ""
        return (
            f"{self.model}_eval_request_False_{self.precision}_{self.weight_type}"
            f"{chat}_{self.revision[:8]}.json"
        )

    def to_json(self) -> bytes:
        """Return the file's content: indented for people, unless that makes it large.

        Indentation can make a deeply nested file a hundred times larger, and then unreadable.
        """
        document = self.model_dump(mode="json")
        text = json.dumps(document, indent=2, ensure_ascii=False)
        if len(text) > LARGEST_INDENTED:
            text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        return (text + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, *, path: str) -> Self:
        """Read a request file, ours or another board's.

        Args:
            content: The file's bytes.
            path: Where it lies, for the message of the error.

        Raises:
            RecordError: It is larger than `LARGEST_FILE`, no UTF-8, no JSON, or no request.
        """
        document = adopt(_parse(content, path), path=path)
        try:
            return cls.model_validate(document)
        except ValidationError as exc:
            raise _unreadable(path, first_problem(exc)) from exc


_CHOICE_FIELDS = PinnedChoice.model_fields.keys() & RequestRecord.model_fields.keys()
"""Those that a request's file has outside of the block of this project."""


def _parse(content: bytes, path: str) -> dict[str, Any]:
    if len(content) > LARGEST_FILE:
        raise _unreadable(path, f"it has {len(content)} bytes; at most {LARGEST_FILE} are read")
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode()
        document = from_json(text)
    except UnicodeDecodeError as exc:
        raise _unreadable(path, f"it is not UTF-8 text: {exc.reason} at byte {exc.start}") from exc
    except ValueError as exc:
        raise _unreadable(path, f"it is not JSON: {exc}") from exc
    if not isinstance(document, dict):
        raise _unreadable(path, "it is not a JSON object")
    return document


def _unreadable(path: str, problem: str) -> RecordError:
    return RecordError(
        f"Request file {path!r} cannot be read: {problem}. Correct the file or delete it."
    )
