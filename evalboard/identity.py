"""What makes two scores the same score. Pure.

Same key: never run twice. Different key: never compared silently. See `docs/design/identity.md`.
"""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict

from evalboard.records.choice import PinnedChoice


class ModelIdentity(BaseModel):
    """Everything about a model and how it is run that can change a score."""

    model_config = ConfigDict(frozen=True)

    choice: PinnedChoice
    chat_template_sha: str | None
    """sha256 of the template's text; None when none is applied."""
    backend: str
    backend_version: str
    lm_eval_version: str
    max_length: int | None
    """Length that contexts are cut to, when it is set; None for the model's own."""


class BenchmarkIdentity(BaseModel):
    """Everything about a benchmark and how it is asked that can change a score."""

    model_config = ConfigDict(frozen=True)

    task: str
    version: str
    config_hash: str
    num_fewshot: int
    dataset_fingerprint: str
    limit: int | None


def run_key(model: ModelIdentity, suite: str) -> str:
    """Return the key of one model on one suite: 64 hexadecimal digits."""
    return digest({"model": _content(model), "suite": suite})


def benchmark_key(
    model: ModelIdentity, benchmark: BenchmarkIdentity, *more: BenchmarkIdentity
) -> str:
    """Return the key of one score: 64 hexadecimal digits.

    Args:
        model: Which model, and how it is run.
        benchmark: What is asked; of a group, its first subject.
        more: The other subjects of a group, in the suite's order.
    """
    asked = [subject.model_dump() for subject in (benchmark, *more)]
    return digest({"model": _content(model), "benchmark": asked if more else asked[0]})


def _content(model: ModelIdentity) -> dict[str, Any]:
    """Return what the keys are made of.

    The keys of scores that were taken earlier must stay as they are: what came later than they is
    left out while it says nothing more. The template's hash stands for the template.
    """
    later = {"base_revision"} if not model.choice.base_revision else set[str]()
    return {
        **model.choice.model_dump(exclude={"use_chat_template", *later}),
        **model.model_dump(exclude={"choice"}),
    }


def digest(value: Any) -> str:
    """Return the sha256 of a JSON value, the same for equal values on every machine."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
