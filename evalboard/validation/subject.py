"""The subject of the checks: a model and its evaluation."""

from typing import Any

from pydantic import ConfigDict, Field, field_validator, model_validator

from evalboard.records.choice import ModelChoice, WeightType
from evalboard.records.precision import Precision
from evalboard.records.request import ModelType
from evalboard.repositories.names import read_address


def left_empty(schema: dict[str, Any]) -> None:
    """Turn the JSON schema of an optional field into that of a field which a form may leave empty.

    Forms show "value or null" as a choice between two types.
    """
    (given,) = [kind for kind in schema.pop("anyOf") if kind != {"type": "null"}]
    schema.pop("default")
    schema.update(given)


class Subject(ModelChoice, frozen=True):
    """The part of a submission that the checks need."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(description="Name of the model: `org/name`.")
    revision: str = Field(
        default="main",
        description="Branch, tag or commit sha. A submission pins it to a commit.",
    )
    precision: Precision | None = Field(
        default=None,
        json_schema_extra=left_empty,
        description="Precision of the evaluation. Empty: the precision of the checkpoint.",
    )
    weight_type: WeightType = Field(
        default=WeightType.ORIGINAL,
        description="Whether the repository contains full weights, a LoRA adapter, or a delta to "
        "the base model.",
    )
    base_model: str = Field(
        default="",
        description="Model from which this one was made: `org/name`. Required for adapters and "
        "deltas.",
    )
    base_revision: str = Field(
        default="main",
        description="Branch, tag or commit sha of the base model of an adapter or delta. A "
        "submission pins it to a commit.",
    )
    use_chat_template: bool = Field(
        default=False, description="Whether the model's chat template is applied to the prompts."
    )
    enable_thinking: bool = Field(
        default=False,
        description="Whether the model thinks before it writes an answer. It needs the chat template. "
        "Benchmarks in which the model chooses among answers always run without thinking.",
    )
    think_end_token: str = Field(
        default="",
        description="Text that ends the model's thinking, such as `</think>`. Empty: it is read from "
        "the chat template or the vocabulary. Without thinking it has no meaning.",
    )
    model_type: ModelType = Field(default=ModelType.UNKNOWN, description="How the model was made.")

    @model_validator(mode="before")
    @classmethod
    def _named(cls, fields: Any) -> Any:
        """Read the address of a model on the Hub as its name and revision.

        The address of another revision than the one that is asked for stays as it is.
        """
        if not isinstance(fields, dict):
            return fields
        read: dict[str, Any] = {}
        for model, revision in (("model", "revision"), ("base_model", "base_revision")):
            given, asked = fields.get(model), fields.get(revision) or "main"
            name, named = read_address(given) if isinstance(given, str) else (given, "")
            if name != given and (not named or asked in ("main", named)):
                read |= {model: name, revision: named or asked}
        return fields | read

    @field_validator("revision", "base_revision")
    @classmethod
    def _main(cls, revision: str) -> str:
        """Read an empty revision as the branch `main`."""
        return revision.strip() or "main"

    @field_validator("think_end_token")
    @classmethod
    def _token_stripped(cls, token: str) -> str:
        return token.strip()
