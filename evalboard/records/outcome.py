"""The outcome of one benchmark for one model, before it enters a result document."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from evalboard.records.spent import Usage


class TaskOutcome(BaseModel):
    """The outcome of one lm_eval task: a benchmark, or one subject of a group."""

    model_config = ConfigDict(frozen=True)

    task: str
    """lm_eval's task name."""
    metrics: dict[str, Any]
    """lm_eval's metrics: `{"acc,none": fraction in [0, 1], "acc_stderr,none": …}`."""
    version: Any
    """lm_eval's task version."""
    n_original: int
    """Number of questions in the task."""
    n_effective: int
    """Number of questions asked."""
    n_cut: int = 0
    """Number of questions of which the model did not see the beginning, being too long for it."""
    n_unfinished: int = 0
    """Number of questions that the model was still thinking about when its text ended."""
    reader: str = ""
    """Name of the reader of answers in words, with its version; empty for other answers."""
    task_hash: str
    """lm_eval's hash over all questions, prompts and targets."""
    config: dict[str, Any]
    """Resolved task configuration."""


class BenchmarkOutcome(BaseModel):
    """One finished benchmark. The work folder keeps it until its run commits it."""

    model_config = ConfigDict(frozen=True)

    benchmark: str
    """Key in the suite."""
    key: str
    """Identity of the score; see `evalboard.identity`."""
    tasks: Annotated[tuple[TaskOutcome, ...], Field(min_length=1)]
    """One task, or the subjects of a group."""
    metrics: dict[str, Any]
    """Metrics of the task. For a group, the means under the names of its subjects' metrics."""
    num_fewshot: int
    dataset_fingerprint: str
    seconds: float
    """Wall-clock time from building the prompts to the last score."""
    usage: Usage = Usage()
    """What was measured meanwhile."""
    taken_from: str = ""
    """Path of the document of another suite that it was evaluated for; empty if for this one."""

    @property
    def n_effective(self) -> int:
        """Number of questions asked."""
        return sum(task.n_effective for task in self.tasks)

    def with_counts(self, *, cut: Iterable[str | None], unfinished: Iterable[str | None]) -> Self:
        """Return this outcome with the numbers of questions that lack something.

        Args:
            cut: The task of each question of which the model did not see the beginning.
            unfinished: The task of each question that it was still thinking about at the end.
        """
        n_cut, n_unfinished = Counter(cut), Counter(unfinished)
        counted = (
            task.model_copy(
                update={"n_cut": n_cut[task.task], "n_unfinished": n_unfinished[task.task]}
            )
            for task in self.tasks
        )
        return self.model_copy(update={"tasks": tuple(counted)})

    @property
    def is_group(self) -> bool:
        """Whether the score is a mean over subjects."""
        return len(self.tasks) > 1


class BenchmarkPlan(BaseModel):
    """One benchmark to run, with its identity and size."""

    model_config = ConfigDict(frozen=True)

    benchmark: str
    key: str
    n: int
    """Number of questions to ask."""
    prompt_prefix: str = ""
    """Start of its first prompt, if the prompt is long; see `evalboard.attempt.order`."""
    problem: dict[str, str] | None = None
    """`{code, message}` if the benchmark cannot run, for example without its questions."""


class EngineFacts(BaseModel):
    """Facts about a loaded engine and its model."""

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
    """Arguments of the backend that affect speed and memory, but not the score."""
    machine: dict[str, Any]
    load_seconds: float
    """Imports of the backend, weights into memory, caches, warm-up. Where the weights were loaded in
    place of an earlier model's, of the weights alone."""
    start_seconds: float = 0.0
    """Before that and after the plan: files, place, and start of the process."""
