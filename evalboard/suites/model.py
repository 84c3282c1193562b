"""What a suite file may say."""

import hashlib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evalboard.errors import ConfigError
from evalboard.records.table import MODEL_COLUMNS


class DataSource(BaseModel):
    """Where a benchmark's questions come from, when not from where lm_eval's definition says.

    Either a repository (with a configuration and a revision), or `files`: Parquet files per split,
    as paths or `hf://` addresses with wildcards.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    repo: str | None = None
    config: str | None = None
    revision: str | None = None
    files: dict[str, str] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "DataSource":
        if (self.repo is None) == (self.files is None):
            raise ValueError("a source names either `repo` or `files`")
        return self


class Benchmark(BaseModel):
    """One column of a board."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[str, Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]
    """Column name in `board.parquet` and the name on the command line."""
    title: str
    """Name that people see."""
    task: str = ""
    """lm_eval's task name; the key when not given."""
    metric: str = "acc,none"
    """lm_eval's `{metric},{filter}`."""
    num_fewshot: Annotated[int, Field(ge=0)] = 0
    baseline: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Score of guessing, fraction in [0, 1)."""
    group: str = ""
    source: DataSource | None = None

    @property
    def task_name(self) -> str:
        """lm_eval's name of the task."""
        return self.task or self.key


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


class Suite(BaseModel):
    """The benchmarks of one board. The average is their unweighted mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: str
    about: str = ""
    """Markdown for the board's About page."""
    tasks: Path | None = None
    """Folder with further lm_eval task definitions; relative to the suite file."""
    benchmarks: Annotated[tuple[Benchmark, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_free(self) -> "Suite":
        keys = [benchmark.key for benchmark in self.benchmarks]
        if twice := _repeated(keys):
            raise ValueError(f"benchmark keys stand twice: {', '.join(twice)}")
        if twice := _repeated([benchmark.task_name for benchmark in self.benchmarks]):
            raise ValueError(f"lm_eval tasks stand twice: {', '.join(twice)}")
        if taken := sorted(set(keys) & set(MODEL_COLUMNS)):
            raise ValueError(
                f"benchmark keys are names of other columns of the board: {', '.join(taken)}"
            )
        return self

    @property
    def content_hash(self) -> str:
        """sha256 over what the suite says, wherever its files lie."""
        return hashlib.sha256(self.model_dump_json(exclude={"tasks"}).encode()).hexdigest()

    def select(self, keys: tuple[str, ...]) -> tuple[Benchmark, ...]:
        """Return the benchmarks with these keys, all when none is named.

        Raises:
            ConfigError: A key is not in the suite.
        """
        known = {benchmark.key: benchmark for benchmark in self.benchmarks}
        if unknown := [key for key in keys if key not in known]:
            raise ConfigError(
                f"Suite {self.name!r} has no benchmark {unknown[0]!r}. It has: {', '.join(known)}."
            )
        return tuple(known[key] for key in keys) if keys else self.benchmarks
