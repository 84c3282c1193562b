"""A request: one submission of one model, as a JSON file that other boards' tools can read.

The outer fields are those of the Open LLM Leaderboard's request files. The key `evalboard` contains
what only this project uses. Unknown keys are kept unchanged. `evalboard.records.foreign` translates
the values of other boards.
"""

import codecs
import json
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from evalboard.errors import RecordError, first_problem
from evalboard.records.choice import PinnedChoice, WeightType
from evalboard.records.foreign import adopt
from evalboard.records.precision import Precision

SCHEMA_VERSION = 1
LARGEST_FILE = 2**20
"""Size limit in bytes. A request has a few thousand; a larger file is an error or an attack."""
LARGEST_INDENTED = 100_000
"""Limit in characters up to which a file is written with indentation."""


class Status(StrEnum):
    """Status of a request. `evalboard.lifecycle` defines the allowed changes."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


class ModelType(StrEnum):
    """How a model was made. The sign is shown next to the text, never alone."""

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
        """Return the type in any spelling: `fine-tuned`, `🔶`, `🔶 : fine-tuned on domain data`."""
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
    """The run that evaluates a request."""

    model_config = ConfigDict(frozen=True, extra="allow")

    run_id: str
    """Id of the flow run in Prefect. It is unique, so two claims never have the same content."""
    host: str
    boot: str = ""
    """Id of the start of that machine's kernel, which its containers share; empty if it has none."""
    pid: int | None = Field(default=None, ge=0)
    """Process id on that machine, if known."""
    started: float | None = None
    """Start time of that process, in seconds since the epoch."""
    pid_namespace: int | None = None
    """Namespace of the process id: containers can share a host's name, but not its processes."""
    server: str = ""
    """Prefect server of the run. Only this server can report that the run does not exist."""


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
    """Suite of the evaluation. Empty means the board's suite."""
    priority: int = 0
    """Higher is earlier."""
    benchmarks: tuple[str, ...] = ()
    """Benchmarks that are evaluated, after a backfill. Empty: all of the suite."""
    base_revision: str = ""
    """Commit sha of the base model; a branch or tag until the check pins it. Empty for full
    weights.
    """
    attempts: int = 0
    """Number of claims of the request."""
    claimed_by: Claim | None = None
    claimed_time: str | None = None
    failed_attempts: int = 0
    """Number of failed attempts since a person last queued the request."""
    lost_runs: int = 0
    """Number of lost runs since a person last queued the request."""
    undecided_checks: int = 0
    """Number of times in a row that it could not be checked or started."""
    retry_after: str | None = None
    """UTC time before which a pending request is not restarted. None means immediately."""
    history: tuple[HistoryEntry, ...] = ()
    failure: Failure | None = None
    report: dict[str, Any] | None = None
    """`Report.to_document()` of the last check."""
    original: dict[str, Any] = Field(default_factory=dict)
    """Original values from another program's file, by field."""


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
    """Commit sha. Files from other programs can contain a branch or tag until the poll pins it."""
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
    enable_thinking: bool = False
    think_end_token: str = ""
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
        """Path of the request in its store."""
        chat = "_chat" if self.use_chat_template else ""
        think = "_think" if self.enable_thinking else ""
        return (
            f"{self.model}_eval_request_False_{self.precision}_{self.weight_type}"
            f"{chat}{think}_{self.revision[:8]}.json"
        )

    def to_json(self, *, signature: str | None = None) -> bytes:
        """Return the file's content, indented for readers unless it becomes large.

        Indentation can make a deeply nested file a hundred times larger, and then it exceeds the
        limit.

        Args:
            signature: Signature of the installation, which is a part of the file but not of the
                record. None for a file without one.
        """
        document = self.model_dump(mode="json")
        if signature is not None:
            document["evalboard"] = {"signature": signature} | document["evalboard"]
        text = json.dumps(document, indent=2, ensure_ascii=False)
        if len(text) > LARGEST_INDENTED:
            text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        return (text + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, *, path: str) -> "RequestRecord":
        """Read a request file of this or another board.

        Args:
            content: The file's bytes.
            path: Path of the file, for the error message.

        Raises:
            RecordError: The file is larger than `LARGEST_FILE`, or is not UTF-8, JSON or a request.
        """
        return RequestFile.from_json(content, path=path).record


class RequestFile(NamedTuple):
    """A request file, as it was read."""

    record: RequestRecord
    signature: str
    """The signature in the file, not verified; empty if there is none."""
    signed: bytes
    """What a signature covers, see `signed_part`; empty without a signature."""

    @classmethod
    def from_json(cls, content: bytes, *, path: str) -> "RequestFile":
        """Read a request file; see `RequestRecord.from_json`."""
        document = _parse(content, path)
        block = document.get("evalboard")
        signature: Any = block.pop("signature", "") if isinstance(block, dict) else ""
        if not isinstance(signature, str):
            signature = ""
        signed = signed_part(document) if signature else b""
        try:
            record = RequestRecord.model_validate(adopt(document, path=path))
        except ValidationError as exc:
            raise _unreadable(path, first_problem(exc)) from exc
        return cls(record, signature, signed)


def signed_part(document: dict[str, Any]) -> bytes:
    """Return what a signature covers: every value that this project reads, in one form.

    Keys of other programs beside those of a request decide nothing. Such a program can add one, or
    write the file with other spaces, and the signature still holds.
    """
    known = {key: value for key, value in document.items() if key in RequestRecord.model_fields}
    return json.dumps(known, sort_keys=True, separators=(",", ":")).encode()


def part_to_sign(record: RequestRecord) -> bytes:
    """Return what the signature of a record covers, once its file is read again."""
    return signed_part(from_json(record.to_json()))


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
