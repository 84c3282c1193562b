"""The specification of an engine.

It is passed between processes, so it imports none of the engine's libraries.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from evalboard.records.choice import PinnedChoice
from evalboard.settings import Settings
from evalboard.suites.model import Suite


class EngineLimits(BaseModel):
    """The resources of an engine. They affect speed and memory, never the score."""

    model_config = ConfigDict(frozen=True)

    resource: Literal["cores", "gpus", "nothing"] = "cores"
    """What it takes; `nothing` is for a process without a model, on the machine of the run."""
    tensor_parallel: int = 1
    """Number of GPUs, if it has any."""
    max_num_seqs: int | None = None
    """Number of concurrent requests, None for the backend's default."""
    max_num_batched_tokens: int | None = None
    """Number of tokens of one step, None for the backend's default."""
    max_length: int | None = None
    """Maximum length of a request in tokens, if it was measured; see `evalboard.engine.lengths`. No
    request is truncated to it.
    """
    gpu_memory_fraction: float = 0.9
    """Fraction of a GPU's memory, in (0, 1]."""


class EngineSpec(PinnedChoice, frozen=True):
    """One model in one configuration, for the benchmarks of one suite at a time."""

    name: str
    """Name of the run. Further engines add a number."""
    is_only_run: bool = False
    """Whether no other run looks for a place at the same time; see `placement`."""
    folder: Path | None = None
    """Folder of a model that was given as a folder, None to look up its name."""
    base_folder: Path | None = None
    architectures: tuple[str, ...] = ()
    """Names of its architectures in its config, as far as the checks found them."""
    suite: Suite
    """What is asked now."""
    further_suites: tuple[Suite, ...] = ()
    """What the loaded model is asked before or after it, in the same run."""
    benchmarks: tuple[str, ...]
    """Keys in the suite."""
    num_fewshot: int | None
    """Number of examples before each question, None for each benchmark's number."""
    limit: int | None
    """Number of questions to ask of each benchmark, None for all."""
    backend: str
    limits: EngineLimits = EngineLimits()
    settings: Settings
    log_file: Path

    @property
    def suites(self) -> tuple[Suite, ...]:
        """All suites that the model is loaded for."""
        return (self.suite, *self.further_suites)

    @property
    def loads_model(self) -> bool:
        """Whether its process loads the model, and does not only plan or measure."""
        return self.limits.resource != "nothing"

    def without_model(self) -> "EngineSpec":
        """Return the specification of a process for what needs neither the weights nor a GPU."""
        nothing = self.limits.model_copy(update={"resource": "nothing"})
        return self.model_copy(update={"limits": nothing})

    def asking(
        self, suite: Suite, benchmarks: tuple[str, ...], *, num_fewshot: int | None = None
    ) -> "EngineSpec":
        """Return the specification of the same engine when it is asked another of its suites.

        Args:
            suite: One of its suites.
            benchmarks: Keys in it.
            num_fewshot: As for a specification.
        """
        others = tuple(other for other in self.suites if other.name != suite.name)
        asked = {"suite": suite, "further_suites": others, "benchmarks": benchmarks}
        return self.model_copy(update={**asked, "num_fewshot": num_fewshot})
