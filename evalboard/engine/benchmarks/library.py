"""Load benchmarks: lm_eval's own task definitions, with questions from the first available source.

The mirror folder comes first, then the source that the suite names, then the repository that the
task definition names. Only the location of the questions is replaced, never their content.

An engine has no network: it reads the mirror and the questions that `TaskLibrary.fetch` has put
beside it, in a process that sees nothing of a model.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from datasets.exceptions import DatasetsError
from jinja2 import TemplateError
from lm_eval.api.task import ConfigurableTask
from lm_eval.config.task import TaskConfig

# When `datasets` hashes, it looks for this class in transformers as soon as that is being imported;
# whoever imports a backend in another thread would let it look too early.
from transformers import PreTrainedTokenizerBase  # noqa: F401

from evalboard.engine.benchmarks.definitions import definition, task_manager
from evalboard.engine.benchmarks.harness import compile_templates_once, set_seeds
from evalboard.engine.benchmarks.loaded import LoadedBenchmark, LoadedTask, loaded_task
from evalboard.engine.benchmarks.mirror import (
    Splits,
    fetched_folder,
    mirror_files,
    mirror_folder,
    parquet_files,
    splits_of,
)
from evalboard.engine.benchmarks.sources import mirror_reader, source_reader, write_split
from evalboard.errors import DataMissing, HarnessError
from evalboard.repositories.copying import made_once
from evalboard.suites.model import Benchmark
from evalboard.wording import first_few

# Subjects that a message names of those whose questions are missing.
MAX_SUBJECTS_NAMED = 3


class TaskLibrary:
    """Loads benchmarks. It reads questions once, as long as their files and definition stay the same.

    Args:
        benchmarks: All benchmarks that may be loaded.
        definitions: Folder with further task definitions.
        mirror: Folder with questions, `{repo}/{config or default}/{split}.parquet`.
        fetched: Folder for questions that were read from elsewhere.
        offline: Read from nowhere else.

    Raises:
        ConfigError: There is no such task.
    """

    def __init__(
        self,
        benchmarks: Iterable[Benchmark],
        *,
        definitions: Path | None = None,
        mirror: Path | None = None,
        fetched: Path | None = None,
        offline: bool = False,
    ) -> None:
        compile_templates_once()
        names = [task.task_name for benchmark in benchmarks for task in _parts(benchmark)]
        self._manager = task_manager(names, own=definitions)
        self._mirror = mirror
        self._fetched = fetched
        self._offline = offline
        self._kept: dict[tuple[str, int, int | None], _Kept] = {}

    def load(
        self, benchmark: Benchmark, *, num_fewshot: int | None = None, limit: int | None = None
    ) -> LoadedBenchmark:
        """Return one benchmark with its questions, for one evaluation: that fills its tasks.

        Args:
            benchmark: The benchmark.
            num_fewshot: Examples before each question, None for the benchmark's number.
            limit: Number of questions to ask of each task, None for all.

        Raises:
            DataMissing: The questions are not in the mirror and cannot be loaded.
            HarnessError: lm_eval cannot build the task.
        """
        shots = benchmark.num_fewshot if num_fewshot is None else num_fewshot
        plans = self._find_questions(benchmark, shots)
        return LoadedBenchmark(benchmark, tuple(self._load_task(p, shots, limit) for p in plans))

    def output_types(self, benchmarks: Iterable[Benchmark]) -> set[str]:
        """Return what benchmarks ask a model for, in lm_eval's words, without reading questions."""
        return {
            definition(self._manager, part.task_name).get("output_type", TaskConfig.output_type)
            for benchmark in benchmarks
            for part in _parts(benchmark)
        }

    def fetch(self, benchmark: Benchmark, *, num_fewshot: int | None = None) -> None:
        """Put a benchmark's questions into the folder `fetched`, where they stay.

        Raises:
            DataMissing: The questions cannot be loaded.
            HarnessError: lm_eval cannot build the task.
        """
        assert self._fetched
        shots = benchmark.num_fewshot if num_fewshot is None else num_fewshot
        for plan in self._find_questions(benchmark, shots):
            needed = plan.splits.needed(shots)
            task = self._build(plan)

            def fill(folder: Path, task: Any = task, needed: Iterable[str | None] = needed) -> None:
                for split in needed:
                    task.dataset[split].to_parquet(folder / f"{split}.parquet")

            source = plan.benchmark.source
            made_once(fetched_folder(self._fetched, plan.raw, source, needed), fill)

    def copy(self, benchmark: Benchmark, into: Path) -> list[Path]:
        """Put a benchmark's questions into another mirror, and return the files that are new there.

        Args:
            benchmark: The benchmark.
            into: Folder of the mirror. What is there already is neither read nor written.

        Raises:
            DataMissing: The questions cannot be loaded.
            HarnessError: lm_eval cannot build the task, or its definition names no data set.
        """
        shots = benchmark.num_fewshot
        written: list[Path] = []
        for part in _parts(benchmark):
            raw = definition(self._manager, part.task_name)
            files = mirror_files(into, raw, splits_of(raw).needed(shots))
            if missing := {split: file for split, file in files.items() if not file.exists()}:
                task = self._build(self._plan(part, shots))
                written += [write_split(task, *split) for split in missing.items()]
        return written

    def _find_questions(self, benchmark: Benchmark, shots: int) -> "list[_TaskPlan]":
        """Return the source of each task of a benchmark before loading.

        Raises:
            DataMissing: The mirror lacks questions of one or more tasks.
        """
        plans: list[_TaskPlan] = []
        missing: dict[str, DataMissing] = {}
        for part in _parts(benchmark):
            try:
                plans.append(self._plan(part, shots))
            except DataMissing as exc:
                missing[part.key] = exc
        if missing:
            raise _all_missing(benchmark, missing)
        return plans

    def _load_task(self, plan: "_TaskPlan", shots: int, limit: int | None) -> LoadedTask:
        """Return a task that no evaluation has touched."""
        place = (plan.benchmark.key, shots, limit)
        origin = self._origin(plan)
        if origin and place in self._kept and self._kept[place].origin == origin:
            return deepcopy(self._kept[place].task)
        loaded = loaded_task(
            self._build(plan), splits=plan.splits.named, num_fewshot=shots, limit=limit
        )
        if origin:
            with suppress(TypeError):  # a sampler can hold what has no copy, such as a lock
                self._kept[place] = _Kept(origin, deepcopy(loaded))
        return loaded

    def _origin(self, plan: "_TaskPlan") -> "_Origin | None":
        """Return what a task is made of, None if that is not on this machine."""
        if not plan.files:
            return None
        with _in_our_words(plan.benchmark):
            resolved = definition(self._manager, plan.benchmark.task_name, with_functions=True)
            files = tuple((file, _state(file)) for file in plan.files.values())
        return _Origin(resolved, files)

    def _plan(self, benchmark: Benchmark, shots: int) -> "_TaskPlan":
        raw = definition(self._manager, benchmark.task_name)
        splits = splits_of(raw)
        needed = splits.needed(shots)
        files = self._files(benchmark, raw, needed)
        overrides: dict[str, Any] = {"task": benchmark.task_name, "num_fewshot": shots}
        # lm_eval opens every split that a definition names, and reads the examples, needed or not.
        overrides |= {key: None for key, split in splits.named.items() if split not in needed}
        if files:
            overrides["custom_dataset"] = mirror_reader(files)
        elif self._offline:
            where = self._mirror and mirror_folder(self._mirror, raw)
            raise DataMissing(
                f"Benchmark {benchmark.key!r}: its questions are missing from "
                f"{str(where or 'EVALBOARD_DATASETS (not set)')!r}, and the Hub is not used "
                "(offline). Put the Parquet files there, or unset EVALBOARD_OFFLINE."
            )
        elif benchmark.source:
            overrides["custom_dataset"] = source_reader(benchmark.source, raw.get("dataset_name"))
        return _TaskPlan(benchmark, raw, splits, files, overrides)

    def _files(
        self, benchmark: Benchmark, raw: Mapping[str, Any], needed: Sequence[str | None]
    ) -> dict[str, Path]:
        """Return the file of each split that is needed, none if the questions are elsewhere."""
        found: dict[str, Path] = {}
        if self._mirror and raw.get("dataset_path"):
            folder = mirror_folder(self._mirror, raw)
            if found := parquet_files(folder):
                _require(benchmark, needed, found, folder)
        if not found and self._fetched:
            found = parquet_files(fetched_folder(self._fetched, raw, benchmark.source, needed))
        # Of a definition without questions, all: lm_eval then says what is wrong with it.
        return {split: file for split, file in found.items() if split in needed} or found

    def _build(self, plan: "_TaskPlan") -> ConfigurableTask:
        benchmark = plan.benchmark
        set_seeds()
        with _in_our_words(benchmark):
            # A group of one is lm_eval's public way to load a registered task with overrides.
            loaded = self._manager.load([{"group": "evalboard", "task": [plan.overrides]}])
        (task,) = loaded["tasks"].values()
        if not isinstance(task, ConfigurableTask):
            raise HarnessError(
                f"Benchmark {benchmark.key!r}: task {benchmark.task_name!r} is a Python class and "
                "cannot be loaded with other data. Use a task that is defined in YAML."
            )
        return task


class _TaskPlan(NamedTuple):
    """The source of one task."""

    benchmark: Benchmark
    """Of a single task."""
    raw: dict[str, Any]
    """Its definition in lm_eval, with unresolved functions."""
    splits: Splits
    files: dict[str, Path]
    """Its questions by split, empty if they are elsewhere."""
    overrides: dict[str, Any]


class _Origin(NamedTuple):
    """What a task is made of. Two that are equal make equal tasks."""

    definition: dict[str, Any]
    """With its functions, which are others when their file has changed."""
    files: tuple[tuple[Path, tuple[int, ...]], ...]
    """The files of the questions, and their states."""


class _Kept(NamedTuple):
    """A task that was built, before any evaluation."""

    origin: _Origin
    task: LoadedTask


def _parts(benchmark: Benchmark) -> tuple[Benchmark, ...]:
    """Return the single tasks of a benchmark."""
    return benchmark.subjects or (benchmark,)


def _all_missing(benchmark: Benchmark, missing: Mapping[str, DataMissing]) -> DataMissing:
    """Return one error for all tasks of a benchmark whose questions are missing."""
    first = next(iter(missing.values()))
    if not benchmark.tasks:
        return first
    return DataMissing(
        f"Benchmark {benchmark.key!r}: {len(missing)} of its {len(benchmark.tasks)} subjects have "
        f"no questions ({first_few(list(missing), MAX_SUBJECTS_NAMED)}). {first.message}"
    )


def _require(
    benchmark: Benchmark, needed: Iterable[str | None], files: Mapping[str, Path], folder: Path
) -> None:
    for split in needed:
        if split is not None and split not in files:
            raise DataMissing(
                f"Benchmark {benchmark.key!r}: {split}.parquet is missing from {str(folder)!r}, "
                f"which contains: {', '.join(sorted(files))}. Add the file."
            )


def _state(file: Path) -> tuple[int, ...]:
    """Return what changes when a file is written or replaced."""
    found = file.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def _in_our_words(benchmark: Benchmark) -> Iterator[None]:
    """Turn the errors of lm_eval and `datasets` in this context into ours.

    Raises:
        DataMissing: The questions cannot be read.
        HarnessError: The definition is wrong, or does not fit the questions.
    """
    try:
        yield
    except (OSError, DatasetsError, RuntimeError) as exc:
        raise DataMissing(
            f"Benchmark {benchmark.key!r}: its questions cannot be loaded: "
            f"{type(exc).__name__}: {exc}. Check the network and the token, or put the "
            "questions into the folder EVALBOARD_DATASETS."
        ) from exc
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, TemplateError) as exc:
        raise HarnessError(
            f"Benchmark {benchmark.key!r}: lm_eval cannot build task {benchmark.task_name!r}: "
            f"{type(exc).__name__}: {exc}. Check that the data has all columns that the task "
            "definition reads."
        ) from exc
