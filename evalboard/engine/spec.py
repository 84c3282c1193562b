"""What an engine is to hold. Crosses process borders, so it imports no library of the engine."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from evalboard.records.choice import PinnedChoice
from evalboard.settings import Settings
from evalboard.suites.model import Suite


class EngineLimits(BaseModel):
    """How much an engine takes. Decides speed and memory, never the score."""

    model_config = ConfigDict(frozen=True)

    resource: Literal["cores", "gpus", "nothing"] = "cores"
    """What Ray gives it; `nothing` is for a process that holds no model."""
    tensor_parallel: int = 1
    """GPUs, where it has some."""
    max_num_seqs: int | None = None
    """Requests worked on at the same time; None for the backend's own number."""
    max_length: int | None = None
    """Longest request in tokens, where that is shorter than the model's and cuts none; else None."""
    gpu_memory_fraction: float = 0.9
    """Share of a GPU's memory, in (0, 1]."""


class EngineSpec(PinnedChoice, frozen=True):
    """One model, loaded one way, for the benchmarks of one suite."""

    name: str
    """A run's further engines add a number to it."""
    is_only_run: bool = False
    """Whether its run has the installation to itself: `evalboard evaluate`, beside the queue."""
    folder: Path | None = None
    """Where the model lies, when it was given as a folder; None for its name to be looked up."""
    base_folder: Path | None = None
    suite: Suite
    benchmarks: tuple[str, ...]
    """Keys in the suite."""
    num_fewshot: int | None
    """Examples before each question; None for each benchmark's own number."""
    limit: int | None
    """Ask only the first so many questions of each benchmark."""
    backend: str
    limits: EngineLimits = EngineLimits()
    settings: Settings
    log_file: Path
