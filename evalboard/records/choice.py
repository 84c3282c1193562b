"""A model and the way to load it: one value for submissions, engines, requests and results.

Submissions and engine specs inherit it; requests and results hold it under the names that their
files have. `evalboard.identity` defines which choices are the same.
"""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel


class WeightType(StrEnum):
    """Content of the repository: full weights, a LoRA adapter, or a delta to its base model."""

    ORIGINAL = "Original"
    ADAPTER = "Adapter"
    DELTA = "Delta"


class ModelChoice(BaseModel, frozen=True):
    """One model, loaded one way. Before the checks, as somebody asked for it."""

    model: str
    """`{org}/{name}`."""
    revision: str = "main"
    """Commit sha, or the content hash of a folder; a branch or tag until the checks pin it."""
    precision: str | None
    """None for the one that the checkpoint is stored in, which the checks find out."""
    weight_type: str = WeightType.ORIGINAL
    base_model: str = ""
    """What the model was made from; adapters and deltas are put on it."""
    base_revision: str = ""
    """As `revision`, of the base model of an adapter or a delta; empty for whole weights."""
    use_chat_template: bool = False
    enable_thinking: bool = False
    """Whether the model thinks before it writes an answer. Its choices it ranks without."""
    think_end_token: str = ""
    """Text that ends the thinking. Empty until the checks find it, and without thinking."""

    def choice_fields(self) -> dict[str, Any]:
        """Return the choice alone, as the fields of something else that inherits it."""
        return {name: getattr(self, name) for name in ModelChoice.model_fields}


class PinnedChoice(ModelChoice, frozen=True):
    """A choice whose precision is known. Once a check has seen it, its revisions are commits."""

    precision: str
