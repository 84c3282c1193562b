"""What is checked: one model, and how it is to be evaluated."""

from pydantic import BaseModel, ConfigDict, Field

from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.records.request import ModelType


class Subject(BaseModel):
    """The part of a submission that the checks look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(description="Name of the model: `org/name`.")
    revision: str = Field(
        default="main",
        description="Branch, tag or commit sha. It is pinned to the commit when submitted.",
    )
    precision: Precision | None = Field(
        default=None,
        description="Number format to evaluate in. Empty: the one stored in the checkpoint.",
    )
    weight_type: WeightType = Field(
        default=WeightType.ORIGINAL,
        description="Whether the repository holds whole weights, a LoRA adapter, or a difference "
        "to its base model.",
    )
    base_model: str = Field(
        default="",
        description="Model that this one was made from: `org/name`. Adapters and deltas need it.",
    )
    base_revision: str = Field(
        default="main",
        description="Branch, tag or commit sha of the base model of an adapter or delta. It is "
        "pinned to the commit when submitted.",
    )
    use_chat_template: bool = Field(
        default=False, description="Whether questions are put into the model's chat template."
    )
    model_type: ModelType = Field(
        default=ModelType.UNKNOWN, description="How the model came to be."
    )
