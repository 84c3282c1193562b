"""The content of a suite file."""

import hashlib
import math
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evalboard.errors import ConfigError
from evalboard.suites.averaging import Average, ColumnGroup, Ranked, Weight, Weighted, weights
from evalboard.suites.contradictions import contradictions
from evalboard.suites.generation import GenerationPolicy
from evalboard.suites.texts import BenchmarkAbout, FrequentQuestion, Words


class DataSource(BaseModel):
    """The source of a benchmark's questions, if it differs from lm_eval's definition.

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
            raise ValueError("a source has either `repo` or `files`")
        return self


ColumnName = Annotated[str, Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]


class Benchmark(BaseModel):
    """One column of a board: an lm_eval task, or a group of tasks, its subjects.

    The score of a group is the unweighted mean of its subjects' scores.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: ColumnName
    """Column name in `board.parquet` and the name on the command line."""
    title: str
    """Display name."""
    task: str = ""
    """lm_eval's task name. Default: the key."""
    tasks: tuple[ColumnName, ...] = ()
    """lm_eval's names of a group's subjects, which are columns too. Empty for a single task."""
    metric: str = "acc,none"
    """lm_eval's `{metric},{filter}`."""
    num_fewshot: Annotated[int, Field(ge=0)] = 0
    baseline: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Score of random guessing, a fraction in [0, 1)."""
    group: str = ""
    """Heading of the column group on the board."""
    weight: Weight = 1.0
    """In the average, or in the mean of its group, compared with the others. 0: shown only."""
    answers: Literal["choices", "words"] | None = None
    """How models answer, for the About page: they rank choices, or write. None: not said."""
    robustness: Literal["orders", "repeats", "translations"] | None = None
    """What the tasks of a group repeat on the same questions. `orders`: the k-th has the choices k places
    on, counted from 0; `repeats`: each is another run; `translations`: each has another language. It adds
    columns, and the questions count once."""
    hides_question: bool = False
    """Whether the tasks show the choices alone. The board compares the rows' scores with one another, and
    marks those that stand out. It needs a `baseline`."""
    show_questions: bool = True
    """Whether a model's page may show the questions. If not, it shows ids and right or wrong."""
    compared_with: str = ""
    """Key of the benchmark with the same questions in the suite that this one is compared with."""
    source: DataSource | None = None
    about: BenchmarkAbout = BenchmarkAbout()

    @model_validator(mode="after")
    def _task_or_group(self) -> "Benchmark":
        if self.hides_question and not self.baseline:
            raise ValueError("`hides_question` needs a `baseline`")
        if not self.tasks:
            if self.robustness:
                raise ValueError("`robustness` needs `tasks`")
            return self
        if self.task:
            raise ValueError("a benchmark has either `task` or `tasks`")
        if len(self.tasks) == 1:
            raise ValueError("`tasks` needs at least two tasks; use `task` for one")
        if self.source and (self.source.files or self.source.config):
            raise ValueError(
                "the source of a group can only have `repo`, shared by all its subjects"
            )
        return self

    @property
    def task_name(self) -> str:
        """Name in lm_eval's documents: the name of the task, or the key of the group."""
        return self.task or self.key

    @property
    def stderr_metric(self) -> str:
        """lm_eval's name of the metric's standard error: `acc_stderr,none` for `acc,none`."""
        name, comma, answer_filter = self.metric.partition(",")
        return f"{name}_stderr{comma}{answer_filter}"

    @property
    def subjects(self) -> "tuple[Benchmark, ...]":
        """Every task of a group as a separate benchmark. Empty for a single task."""
        return tuple(
            self.model_copy(update={"key": task, "title": self._title_of(task), "tasks": ()})
            for task in self.tasks
        )

    def _title_of(self, task: str) -> str:
        return f"{self.title}: {task.removeprefix(f'{self.key}_').replace('_', ' ')}"


_LATER_FIELDS = frozenset({"average", "generation", "ranked", "groups"})
_LATER_BENCHMARK_FIELDS = frozenset({"answers", "robustness", "weight"})


def _unsaid(of: BaseModel, fields: Iterable[str]) -> set[str]:
    """Return which of these fields have their defaults."""
    defaults = type(of).model_fields
    return {name for name in fields if getattr(of, name) == defaults[name].default}


class Suite(BaseModel):
    """The benchmarks of one board, how they are averaged, and what a row needs for a rank."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: str
    about: Words = ""
    """The purpose of the board, in Markdown, for the About page."""
    faq: tuple[FrequentQuestion, ...] = ()
    """Frequent questions about this board, shown after the general ones."""
    citation: str = ""
    """How to cite the board, such as BibTeX."""
    tasks: Path | None = None
    """Folder with further lm_eval task definitions, relative to the suite file."""
    reported: Path | None = None
    """YAML file with published scores to show apart, relative to the suite file."""
    average: Average = Average()
    ranked: Ranked = Ranked()
    groups: tuple[ColumnGroup, ...] = ()
    """The headings of the columns, where one has a weight or a description."""
    generation: GenerationPolicy | None = None
    """How the suite asks for answers in words. None: as its tasks say."""
    compared_with: str = ""
    """Name of the suite that asks the same questions by log-likelihood: the board shows by how many
    points a model's scores differ from its scores there.
    """
    benchmarks: Annotated[tuple[Benchmark, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_consistent(self) -> "Suite":
        if found := [mistake.message for mistake in contradictions(self)]:
            raise ValueError("; ".join(found))
        return self

    @cached_property
    def weights(self) -> dict[str, float]:
        """Weight of every benchmark in the average by key, 0 for one that does not count."""
        return weights(
            [Weighted(b.key, b.weight, b.group) for b in self.benchmarks],
            self.average,
            {group.title: group.weight for group in self.groups},
        )

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of every benchmark in the average, in their order; they sum to 1."""
        whole = math.fsum(self.weights.values())
        return tuple(self.weights[benchmark.key] / whole for benchmark in self.benchmarks)

    @property
    def content_hash(self) -> str:
        """sha256 of what the suite asks and averages, without paths and descriptions.

        What later versions of this project added counts only where a suite says it: the hash of an
        older file stays.
        """
        told = {"about", "faq", "citation", "tasks", "reported", "compared_with"}
        excluded: dict[str, Any] = dict.fromkeys(told | _unsaid(self, _LATER_FIELDS), True)
        excluded["benchmarks"] = {
            at: {
                "about",
                "hides_question",
                "show_questions",
                "compared_with",
                *_unsaid(benchmark, _LATER_BENCHMARK_FIELDS),
            }
            for at, benchmark in enumerate(self.benchmarks)
        }
        if "groups" not in excluded:
            excluded["groups"] = {"__all__": {"tests"}}
        asked = self.model_dump_json(exclude=excluded)
        return hashlib.sha256(asked.encode()).hexdigest()

    def select(self, keys: tuple[str, ...]) -> tuple[Benchmark, ...]:
        """Return the benchmarks with these keys, all if no key is given.

        A key can also be a subject of a group.

        Raises:
            ConfigError: The suite has no such key.
        """
        known = {
            b.key: b for benchmark in self.benchmarks for b in (benchmark, *benchmark.subjects)
        }
        if unknown := [key for key in keys if key not in known]:
            raise ConfigError(
                f"Suite {self.name!r} has no benchmark {unknown[0]!r}. Use one of: "
                f"{self._overview()}."
            )
        return tuple(known[key] for key in keys) if keys else self.benchmarks

    def _overview(self) -> str:
        return ", ".join(
            f"{b.key} (or one of {b.tasks[0]}, … {b.tasks[-1]})" if b.tasks else b.key
            for b in self.benchmarks
        )
