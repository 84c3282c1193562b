"""Load benchmarks: lm_eval's own task definitions, with questions from the first available source.

The mirror folder comes first, then the source that the suite names, then the repository that the
task definition names. Only the location of the questions is replaced, never their content.

An engine has no network: it reads the mirror and the questions that `TaskLibrary.fetch` has put
beside it, in a process that sees nothing of a model.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from datasets.exceptions import DatasetsError
from jinja2 import TemplateError
from lm_eval.api.task import ConfigurableTask
from lm_eval.config.task import TaskConfig
from lm_eval.utils import handle_non_serializable

# When `datasets` hashes, it looks for this class in transformers as soon as that is being imported;
# whoever imports a backend in another thread would let it look too early.
from transformers import PreTrainedTokenizerBase  # noqa: F401

from evalboard.engine.benchmarks.definitions import definition, task_manager
from evalboard.engine.benchmarks.harness import compile_templates_once, set_seeds
from evalboard.engine.benchmarks.mirror import (
    fetched_folder,
    mirror_files,
    mirror_folder,
    parquet_files,
    splits_of,
)
from evalboard.engine.benchmarks.sources import mirror_reader, source_reader, write_split
from evalboard.errors import DataMissing, HarnessError
from evalboard.identity import BenchmarkIdentity, digest
from evalboard.repositories.copying import made_once
from evalboard.suites.model import Benchmark
from evalboard.wording import first_few

# Where the questions come from is not part of what is asked; the fingerprint stands for them.
DATA_KEYS = ("dataset_path", "dataset_name", "dataset_kwargs", "custom_dataset", "metadata")
# Subjects that a message names of those whose questions are missing.
MAX_SUBJECTS_NAMED = 3


class LoadedTask(NamedTuple):
    """One lm_eval task with its questions."""

    task: ConfigurableTask
    config: dict[str, Any]
    """Resolved configuration, as JSON."""
    identity: BenchmarkIdentity
    n_original: int
    """Number of questions in the task."""

    def generating(self, options: Mapping[str, Any]) -> "LoadedTask":
        """Return the task with other generation arguments, in its identity too.

        Args:
            options: Arguments in lm_eval's words, which take precedence over the task's.
        """
        asked: Any = {**(self.task.config.generation_kwargs or {}), **options}
        self.task.config.generation_kwargs = asked
        config = self.config | {"generation_kwargs": asked}
        identity = self.identity.model_copy(update={"config_hash": _config_hash(config)})
        return self._replace(config=config, identity=identity)

    @property
    def n_effective(self) -> int:
        """Number of questions to ask."""
        return min(self.identity.limit or self.n_original, self.n_original)


class LoadedBenchmark(NamedTuple):
    """A benchmark that is ready to run."""

    benchmark: Benchmark
    tasks: tuple[LoadedTask, ...]
    """One task, or the subjects of a group."""

    @property
    def identity(self) -> tuple[BenchmarkIdentity, ...]:
        """The identity of the questions, task by task."""
        return tuple(task.identity for task in self.tasks)

    @property
    def num_fewshot(self) -> int:
        """Examples before each question."""
        return self.tasks[0].identity.num_fewshot

    @property
    def dataset_fingerprint(self) -> str:
        """sha256 over the questions and any examples."""
        prints = [identity.dataset_fingerprint for identity in self.identity]
        return digest(prints) if self.benchmark.tasks else prints[0]

    @property
    def writes(self) -> bool:
        """Whether the model writes its answers."""
        return all(task.task.OUTPUT_TYPE == "generate_until" for task in self.tasks)

    @property
    def n_effective(self) -> int:
        """Number of questions to ask."""
        return sum(task.n_effective for task in self.tasks)


Generation = Callable[[LoadedBenchmark], Mapping[str, Any]]
"""Returns the generation arguments, in lm_eval's words, that take precedence over those of a
benchmark's tasks."""


class TaskLibrary:
    """Loads benchmarks.

    Args:
        benchmarks: All benchmarks that may be loaded.
        definitions: Folder with further task definitions.
        mirror: Folder with questions, `{repo}/{config or default}/{split}.parquet`.
        fetched: Folder for questions that were read from elsewhere.
        offline: Read from nowhere else.
        generation: How a benchmark's answers are generated, None as its tasks say.

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
        generation: Generation | None = None,
    ) -> None:
        compile_templates_once()
        names = [task.task_name for benchmark in benchmarks for task in _parts(benchmark)]
        self._manager = task_manager(names, own=definitions)
        self._mirror = mirror
        self._fetched = fetched
        self._offline = offline
        self._generation = generation
        self._kept: dict[tuple[str, int, int | None], LoadedBenchmark] = {}

    def load(
        self, benchmark: Benchmark, *, num_fewshot: int | None = None, limit: int | None = None
    ) -> LoadedBenchmark:
        """Load one benchmark with its questions, and keep it until `forget`.

        Args:
            benchmark: The benchmark.
            num_fewshot: Examples before each question, None for the benchmark's number.
            limit: Number of questions to ask of each task, None for all.

        Raises:
            DataMissing: The questions are not in the mirror and cannot be loaded.
            HarnessError: lm_eval cannot build the task.
            EvalboardError: As `generation`.
        """
        shots = benchmark.num_fewshot if num_fewshot is None else num_fewshot
        place = (benchmark.key, shots, limit)
        loaded = self._kept.get(place)
        if loaded is None:
            plans = self._find_questions(benchmark, shots)
            tasks = tuple(self._load_task(plan, shots, limit) for plan in plans)
            loaded = self._kept[place] = self._generating(LoadedBenchmark(benchmark, tasks))
        return loaded

    def _generating(self, loaded: LoadedBenchmark) -> LoadedBenchmark:
        options = self._generation(loaded) if self._generation else {}
        if not options:
            return loaded
        seed = options.get("seed") if loaded.benchmark.robustness == "repeats" else None
        return loaded._replace(
            tasks=tuple(
                task.generating(options if seed is None else {**options, "seed": seed + run})
                for run, task in enumerate(loaded.tasks)
            )
        )

    def output_types(self, benchmarks: Iterable[Benchmark]) -> set[str]:
        """Return what benchmarks ask a model for, in lm_eval's words, without reading questions."""
        return {
            definition(self._manager, part.task_name).get("output_type", TaskConfig.output_type)
            for benchmark in benchmarks
            for part in _parts(benchmark)
        }

    def forget(self, loaded: LoadedBenchmark) -> None:
        """Drop a benchmark: an evaluation fills its tasks with requests and answers."""
        identity = loaded.tasks[0].identity
        self._kept.pop((loaded.benchmark.key, identity.num_fewshot, identity.limit), None)

    def fetch(self, benchmark: Benchmark, *, num_fewshot: int | None = None) -> None:
        """Put a benchmark's questions into the folder `fetched`, where they stay.

        Raises:
            DataMissing: The questions cannot be loaded.
            HarnessError: lm_eval cannot build the task.
        """
        assert self._fetched
        shots = benchmark.num_fewshot if num_fewshot is None else num_fewshot
        for plan in self._find_questions(benchmark, shots):
            needed = splits_of(plan.raw).needed(shots)
            task = self._build(plan.benchmark, plan.overrides)

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
                task = self._build(part, self._overrides(part, raw, shots))
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
            raw = definition(self._manager, part.task_name)
            try:
                plans.append(_TaskPlan(part, raw, self._overrides(part, raw, shots)))
            except DataMissing as exc:
                missing[part.key] = exc
        if missing:
            raise _all_missing(benchmark, missing)
        return plans

    def _load_task(self, plan: "_TaskPlan", shots: int, limit: int | None) -> LoadedTask:
        task = self._build(plan.benchmark, plan.overrides)
        config = _plain_config(task, splits_of(plan.raw).named)
        identity = BenchmarkIdentity(
            task=plan.benchmark.task_name,
            version=str(task.VERSION),
            config_hash=_config_hash(config),
            num_fewshot=shots,
            dataset_fingerprint=_fingerprint(task, shots),
            limit=limit,
        )
        return LoadedTask(task, config, identity, len(task.task_docs))

    def _overrides(self, benchmark: Benchmark, raw: dict[str, Any], shots: int) -> dict[str, Any]:
        splits = splits_of(raw)
        folder = mirror_folder(self._mirror, raw) if self._mirror else None
        files = parquet_files(folder) if folder and raw.get("dataset_path") else {}
        needed = splits.needed(shots)
        overrides: dict[str, Any] = {"task": benchmark.task_name, "num_fewshot": shots}
        # lm_eval opens every split that a definition names, and reads the examples, needed or not.
        overrides |= {key: None for key, split in splits.named.items() if split not in needed}
        if files:
            for split in needed:
                _require(benchmark, split, files, folder)
            overrides["custom_dataset"] = mirror_reader(files)
        elif self._fetched and (
            files := parquet_files(fetched_folder(self._fetched, raw, benchmark.source, needed))
        ):
            overrides["custom_dataset"] = mirror_reader(files)
        elif self._offline:
            where = folder or "EVALBOARD_DATASETS (not set)"
            raise DataMissing(
                f"Benchmark {benchmark.key!r}: its questions are missing from {str(where)!r}, and "
                "the Hub is not used (offline). Put the Parquet files there, or unset "
                "EVALBOARD_OFFLINE."
            )
        elif benchmark.source:
            overrides["custom_dataset"] = source_reader(benchmark.source, raw.get("dataset_name"))
        return overrides

    def _build(self, benchmark: Benchmark, overrides: dict[str, Any]) -> ConfigurableTask:
        set_seeds()
        try:
            # A group of one is lm_eval's public way to load a registered task with overrides.
            loaded = self._manager.load([{"group": "evalboard", "task": [overrides]}])
        except (OSError, DatasetsError, RuntimeError) as exc:
            raise DataMissing(
                f"Benchmark {benchmark.key!r}: its questions cannot be loaded: "
                f"{type(exc).__name__}: {exc}. Check the network and the token, or put the "
                "questions into the folder EVALBOARD_DATASETS."
            ) from exc
        except (
            KeyError,
            ValueError,
            TypeError,
            IndexError,
            AttributeError,
            TemplateError,
        ) as exc:
            raise HarnessError(
                f"Benchmark {benchmark.key!r}: lm_eval cannot build task {benchmark.task_name!r}: "
                f"{type(exc).__name__}: {exc}. Check that the data has all columns that the task "
                "definition reads."
            ) from exc
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
    """Its definition in lm_eval."""
    overrides: dict[str, Any]


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
    benchmark: Benchmark, split: str | None, files: Mapping[str, Path], folder: Path | None
) -> None:
    if split is not None and split not in files:
        raise DataMissing(
            f"Benchmark {benchmark.key!r}: {split}.parquet is missing from {str(folder)!r}, which "
            f"contains: {', '.join(sorted(files))}. Add the file."
        )


def _plain_config(task: ConfigurableTask, splits: Mapping[str, str]) -> dict[str, Any]:
    """Return the task's configuration as JSON, with functions as source text.

    Its splits are those of the definition: a mirror can omit unneeded ones without a change of the
    questions.
    """
    config = task.config.to_dict(keep_callable=True) | splits
    config.pop("custom_dataset", None)
    if isinstance(config.get("fewshot_config"), dict) and "fewshot_split" in splits:
        config["fewshot_config"] = config["fewshot_config"] | {"split": splits["fewshot_split"]}
    if isinstance(config.get("metadata"), dict):
        # lm_eval notes the path of the definition's file, which differs between machines.
        config["metadata"].pop("config_source", None)
    return json.loads(json.dumps(config, default=_source_text))


def _config_hash(config: Mapping[str, Any]) -> str:
    return digest({key: value for key, value in config.items() if key not in DATA_KEYS})


def _source_text(value: Any) -> str:
    return inspect.getsource(value) if inspect.isroutine(value) else str(value)


def _fingerprint(task: ConfigurableTask, shots: int) -> str:
    """Return a sha256 over the questions and the examples, whatever their source."""
    documents: list[Iterable[Any]] = [task.task_docs]
    if shots:
        documents.append(task.sampler.df)
    lines = [
        json.dumps(document, sort_keys=True, default=handle_non_serializable, ensure_ascii=False)
        for part in documents
        for document in part
    ]
    return digest(lines)
