"""How a model generates answers in words: its budget of tokens, and how it chooses them."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from evalboard.errors import HarnessError, first_problem
from evalboard.suites.generation import GenerationPolicy

SEED = 1234
"""Of every answer that is sampled."""
GENERATION_CONFIG = "generation_config.json"
USUAL = {"temperature": 0.6, "top_p": 0.95, "top_k": 0}
"""Sampling of a thinking model whose files say nothing: that of DeepSeek-R1, which most makers of
thinking models recommend."""


class _OwnSampling(BaseModel):
    """What a model's `generation_config.json` says of sampling."""

    do_sample: bool = False
    temperature: Annotated[float, Field(gt=0, le=10)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    top_k: Annotated[int, Field(ge=0)] = 0
    """0: all tokens."""
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None


def sampling_options(folder: Path, *, thinks: bool) -> dict[str, Any]:
    """Return how tokens are chosen, in lm_eval's words.

    Args:
        folder: Folder of the model's small files.
        thinks: Whether the model thinks before it answers. Otherwise it is greedy.

    Raises:
        HarnessError: The model's sampling is out of range, or its file cannot be read.
    """
    if not thinks:
        return {"do_sample": False}
    own = _own_sampling(folder / GENERATION_CONFIG)
    chosen = own.model_dump(exclude={"do_sample"}, exclude_none=True) if own.do_sample else USUAL
    return {"do_sample": True, **chosen, "seed": SEED}


def answer_budget(policy: GenerationPolicy, *, context: int, longest_prompt: int) -> int:
    """Return the number of tokens that an answer may have.

    Args:
        policy: Of the suite.
        context: Tokens that the model reads at most.
        longest_prompt: Tokens of the benchmark's longest prompt.

    Raises:
        HarnessError: There is no room for the policy's minimum.
    """
    room = context - longest_prompt
    if room < policy.min_tokens:
        raise HarnessError(
            f"The model's context of {context:,} tokens leaves {max(room, 0):,} tokens for an answer "
            f"to the longest question ({longest_prompt:,} tokens). This suite needs "
            f"{policy.min_tokens:,}. Evaluate a model with a longer context."
        )
    return min(policy.max_tokens, room)


def _own_sampling(file: Path) -> _OwnSampling:
    if not file.is_file():
        return _OwnSampling()
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        # A value of null says as much as none.
        said = {name: value for name, value in content.items() if value is not None}
        return _OwnSampling.model_validate(said)
    except ValidationError as exc:
        raise _unusable(first_problem(exc)) from exc
    except (ValueError, AttributeError) as exc:
        raise _unusable(str(exc)) from exc


def _unusable(problem: str) -> HarnessError:
    return HarnessError(
        f"The sampling in {GENERATION_CONFIG} cannot be used: {problem}. Correct the file, or submit "
        "the model without thinking."
    )
