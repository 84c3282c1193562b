"""Benchmarks with their questions, and what identifies them."""

import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from lm_eval.api.task import ConfigurableTask
from lm_eval.utils import handle_non_serializable

from evalboard.identity import BenchmarkIdentity, digest
from evalboard.suites.model import Benchmark

# Where the questions come from is not part of what is asked; the fingerprint stands for them.
DATA_KEYS = ("dataset_path", "dataset_name", "dataset_kwargs", "custom_dataset", "metadata")


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

    def generating(self, options: Mapping[str, Any]) -> "LoadedBenchmark":
        """Return the benchmark with other generation arguments. Each repeated run has its own seed.

        Args:
            options: As for a task. Empty for those of the tasks.
        """
        if not options:
            return self
        seed = options.get("seed") if self.benchmark.robustness == "repeats" else None
        return self._replace(
            tasks=tuple(
                task.generating(options if seed is None else {**options, "seed": seed + run})
                for run, task in enumerate(self.tasks)
            )
        )

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


def loaded_task(
    task: ConfigurableTask, *, splits: Mapping[str, str], num_fewshot: int, limit: int | None
) -> LoadedTask:
    """Return a task of lm_eval with its identity.

    Args:
        task: The task with its questions.
        splits: Those in its definition, by key. A mirror can omit unneeded ones without a change of
            the questions.
        num_fewshot: Examples before each question.
        limit: Number of questions to ask, None for all.
    """
    config = _plain_config(task, splits)
    identity = BenchmarkIdentity(
        task=task.task_name,
        version=str(task.VERSION),
        config_hash=_config_hash(config),
        num_fewshot=num_fewshot,
        dataset_fingerprint=_fingerprint(task, num_fewshot),
        limit=limit,
    )
    return LoadedTask(task, config, identity, len(task.task_docs))


def _plain_config(task: ConfigurableTask, splits: Mapping[str, str]) -> dict[str, Any]:
    """Return the task's configuration as JSON, with functions as source text."""
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
