"""A result document: the scores of one attempt at one model, in the format that leaderboards read.

The outer keys are those of lm_eval's result files. The key `evalboard` contains what only this
project uses.
"""

import json
from functools import cached_property
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from evalboard.errors import RecordError, first_problem
from evalboard.records.choice import PinnedChoice
from evalboard.records.precision import Precision
from evalboard.records.spent import Spent, Usage, spent

SCHEMA_VERSION = 1


class ModelConfig(BaseModel):
    """The evaluated model and how it was loaded."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    model_name: str
    model_sha: str
    model_dtype: str
    """The request's precision."""
    model_type: str = ""
    weight_type: str = "Original"
    base_model: str = ""
    base_revision: str = ""
    """Commit sha of the base model of an adapter or a delta. Empty for full weights."""
    use_chat_template: bool = False
    enable_thinking: bool = False
    think_end_token: str = ""
    chat_template_sha: str | None = None
    backend: str
    """`vllm` or `hf`."""
    backend_version: str
    lm_eval_version: str
    transformers_version: str = ""
    torch_version: str = ""
    architecture: str = ""
    params_billion: float | None = None
    license: str = ""
    merged: bool | None = None
    """Whether the checks found a merge of several models; null where no check looked."""
    moe: bool | None = None
    """Whether the checks found a mixture of experts; null where no check looked."""
    weights_digest: str = ""
    """sha256 over the hashes of the weights' files; empty if they are not known."""
    submitted_time: str = ""
    sender: str = ""

    @field_validator("model_dtype")
    @classmethod
    def _renamed(cls, precision: str) -> str:
        """Documents of earlier versions have an earlier word for one."""
        return str(Precision.parse(precision) or precision)

    @cached_property
    def choice(self) -> PinnedChoice:
        """Which model was evaluated."""
        return PinnedChoice(**{name: getattr(self, own) for name, own in _CHOICE_FIELDS.items()})

    @staticmethod
    def choice_fields(choice: PinnedChoice) -> dict[str, Any]:
        """Return a choice under the names that a document has for it."""
        return {own: getattr(choice, name) for name, own in _CHOICE_FIELDS.items()}


_CHOICE_FIELDS = {name: name for name in PinnedChoice.model_fields} | {
    "model": "model_name",
    "revision": "model_sha",
    "precision": "model_dtype",
}
"""What lm_eval, and so the document, calls each part of the choice."""


class Seconds(BaseModel):
    """The parts of an attempt's duration, in seconds of wall-clock time."""

    model_config = ConfigDict(frozen=True, extra="allow")

    start: float = 0.0
    """Plan, the model's files, the wait for a place, and start of the engine's process."""
    load: float = 0.0
    """Loading of the weights, caches, warm-up."""
    score: dict[str, float] = Field(default_factory=dict)
    """By benchmark: building, tokenising, answering and scoring its requests."""
    store: float = 0.0
    total: float = 0.0

    @property
    def overhead(self) -> float:
        """The rest: neither start, load, score nor store."""
        accounted = self.start + self.load + sum(self.score.values()) + self.store
        return max(0.0, self.total - accounted)


class Provenance(BaseModel):
    """The part of a result document that only this project writes and reads."""

    model_config = ConfigDict(frozen=True, extra="allow")

    schema_version: int = Field(default=SCHEMA_VERSION, le=SCHEMA_VERSION)
    """A document of a later version of this project is not read."""
    suite: str
    run_key: str
    benchmark_keys: dict[str, str]
    dataset_fingerprints: dict[str, str]
    readers: dict[str, str] = Field(default_factory=dict)
    """By benchmark, the name of the reader of answers in words, with its version."""
    usage: dict[str, Usage] = Field(default_factory=dict)
    """By benchmark, what was measured while it was answered, of those that this attempt has run."""
    taken_from: dict[str, str] = Field(default_factory=dict)
    """By benchmark, the path of the document of another suite or row with the same score, if it was evaluated
    for that one.
    """
    failures: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Benchmarks without a score: `{benchmark: {code, message}}`."""
    engine_settings: dict[str, Any] = Field(default_factory=dict)
    machine: dict[str, Any] = Field(default_factory=dict)
    seconds: Seconds = Field(default_factory=Seconds)
    command: str = ""
    """The command that reproduces the document."""
    finished_time: str = ""


class ResultDocument(BaseModel):
    """One attempt at one model."""

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        populate_by_name=True,
        serialize_by_alias=True,
        ser_json_inf_nan="constants",  # otherwise NaN silently becomes null
    )

    config: ModelConfig
    results: dict[str, dict[str, Any]]
    """`{task: {"acc,none": fraction in [0, 1], "acc_stderr,none": …, "alias": …}}`."""
    versions: dict[str, Any]
    n_shot: dict[str, int] = Field(alias="n-shot")
    n_samples: dict[str, dict[str, int]] = Field(alias="n-samples")
    task_hashes: dict[str, str]
    configs: dict[str, dict[str, Any]]
    evalboard: Provenance

    def spent(self, benchmark: str) -> Spent | None:
        """Return what the score of a benchmark has cost, None if another attempt has paid for it."""
        ours = self.evalboard
        if (seconds := ours.seconds.score.get(benchmark)) is None:
            return None
        engine = ours.engine_settings
        gpus = int(engine.get("tensor_parallel") or 1) if engine.get("device") == "cuda" else 0
        return spent(seconds, gpus, ours.usage.get(benchmark, Usage()))

    def to_json(self) -> bytes:
        """Return the file's content.

        Raises:
            RecordError: The document contains NaN or an infinite number, which JSON does not allow.
        """
        document = self.model_dump(mode="json")
        try:
            text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        except ValueError as exc:
            raise RecordError(
                f"The results of {self.config.model_name!r} cannot be stored: {exc}. Check its "
                "benchmarks for a score that is not a number."
            ) from exc
        return (text + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, *, path: str) -> Self:
        """Read one of this project's result documents.

        Raises:
            RecordError: The file is not JSON, or not one of this project's documents.
        """
        try:
            return cls.model_validate_json(content)
        except ValidationError as exc:
            raise RecordError(
                f"Result file {path!r} cannot be read: {first_problem(exc)}."
            ) from exc
