"""What an engine is to hold. Crosses process borders, so it imports no library of the engine."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from evalboard.settings import Settings
from evalboard.suites.model import Suite


class EngineSpec(BaseModel):
    """One model, loaded one way, for the benchmarks of one suite."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Name of the actor: one per run."""
    model: str
    revision: str
    precision: str
    weight_type: str
    base_model: str
    use_chat_template: bool
    suite: Suite
    benchmarks: tuple[str, ...]
    """Keys in the suite."""
    num_fewshot: int | None
    """Examples before each question; None for each benchmark's own number."""
    limit: int | None
    """Ask only the first so many questions of each benchmark."""
    backend: str
    settings: Settings
    log_file: Path
