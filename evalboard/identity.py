"""What makes two scores the same score. Pure.

Same key: never run twice. Different key: never compared silently. See `docs/design/identity.md`.
"""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class ModelIdentity(BaseModel):
    """Everything about a model and how it is run that can change a score."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    model: str
    revision: str
    """Commit sha, or content hash of a folder."""
    precision: str
    weight_type: str
    base_model: str
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
    return digest({"model": model.model_dump(), "suite": suite})


def benchmark_key(model: ModelIdentity, benchmark: BenchmarkIdentity) -> str:
    """Return the key of one score: 64 hexadecimal digits."""
    return digest({"model": model.model_dump(), "benchmark": benchmark.model_dump()})


def digest(value: Any) -> str:
    """Return the sha256 of a JSON value, the same for equal values on every machine."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
