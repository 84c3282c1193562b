"""How a suite asks for answers in words."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class GenerationPolicy(BaseModel):
    """What a suite asks of models that answer in words.

    Answers are greedy. A model that thinks samples: greedy, thinking models repeat themselves. It
    does so as its own `generation_config.json` says, with a fixed seed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    template: Literal["required", "optional"] = "required"
    """Whether only chat models are asked, with their chat template."""
    thinking: Literal["expected", "optional"] = "expected"
    """Whether a model that can think is to be submitted with thinking. Without it, the submission
    gets a warning: with and without thinking are two rows."""
    max_tokens: Annotated[int, Field(ge=1)] = 8_192
    """Tokens of an answer with its thinking, at most: fewer if the model's context has no room for
    them behind the benchmark's longest prompt."""
    min_tokens: Annotated[int, Field(ge=1)] = 1_024
    """Tokens for which there must be room. A model with less is not asked."""

    @model_validator(mode="after")
    def _has_room(self) -> "GenerationPolicy":
        if self.min_tokens > self.max_tokens:
            raise ValueError("`min_tokens` is larger than `max_tokens`")
        return self
