"""What one benchmark gave for one model, before it becomes part of a result document."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class TaskOutcome(BaseModel):
    """What one lm_eval task gave: a benchmark, or one subject of a group."""

    model_config = ConfigDict(frozen=True)

    task: str
    """lm_eval's task name."""
    metrics: dict[str, Any]
    """lm_eval's metrics: `{"acc,none": fraction in [0, 1], "acc_stderr,none": …}`."""
    version: Any
    """lm_eval's task version."""
    n_original: int
    """Questions that the task has."""
    n_effective: int
    """Questions that were asked."""
    task_hash: str
    """lm_eval's hash over all questions, prompts and targets."""
    config: dict[str, Any]
    """Resolved task configuration."""


class BenchmarkOutcome(BaseModel):
    """One finished benchmark. Kept in the work folder until its run commits it."""

    model_config = ConfigDict(frozen=True)

    benchmark: str
    """Key in the suite."""
    key: str
    """Identity of the score; see `evalboard.identity`."""
    tasks: Annotated[tuple[TaskOutcome, ...], Field(min_length=1)]
    """One, or the subjects of a group."""
    metrics: dict[str, Any]
    """Those of the one task; of a group the mean, under the names that its subjects have."""
    num_fewshot: int
    dataset_fingerprint: str
    seconds: float
    """Wall clock from building the requests to the last score."""

    @property
    def n_effective(self) -> int:
        """Questions that were asked."""
        return sum(task.n_effective for task in self.tasks)

    @property
    def is_group(self) -> bool:
        """Whether the score is a mean over subjects."""
        return len(self.tasks) > 1


class BenchmarkPlan(BaseModel):
    """One benchmark that is to be run: what it will be known by, and how large it is."""

    model_config = ConfigDict(frozen=True)

    benchmark: str
    key: str
    n: int
    """Questions that will be asked."""
    prompt_prefix: str = ""
    """How its first prompt begins, where it is long; see `evalboard.attempt.order`."""
    problem: dict[str, str] | None = None
    """`{code, message}` when it cannot be run, for example because its questions are missing."""


class EngineFacts(BaseModel):
    """What a loaded engine knows about itself and its model."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    run_key: str
    """Key of this model on this suite; see `evalboard.identity`."""
    backend: str
    backend_version: str
    lm_eval_version: str
    transformers_version: str
    torch_version: str
    architecture: str
    chat_template_sha: str | None
    settings: dict[str, Any]
    """Arguments of the backend that decide speed and memory, not the score."""
    machine: dict[str, Any]
    load_seconds: float
    """Imports of the backend, weights into memory, caches, warm-up."""
