"""Task files with which plain `lm_eval` reads its questions from a datasets mirror."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from evalboard.bench.cases import plain_task
from evalboard.engine.benchmarks.definitions import definition, task_manager
from evalboard.engine.benchmarks.mirror import mirror_folder, parquet_files, splits_of
from evalboard.errors import ConfigError
from evalboard.suites.model import Benchmark


def write_tasks(
    benchmarks: Iterable[Benchmark],
    folder: Path,
    *,
    definitions: Path | None,
    mirror: Path,
    num_fewshot: int,
) -> list[Path]:
    """Write a task file per benchmark.

    Args:
        benchmarks: What is asked.
        folder: Where the files go.
        definitions: Folder with task definitions that lm_eval does not ship.
        mirror: Folder with questions, `{repo}/{config or default}/{split}.parquet`.
        num_fewshot: Examples before each question.

    Returns:
        The files that hold the questions.

    Raises:
        ConfigError: The mirror has not the questions of a benchmark.
    """
    folder.mkdir(parents=True)
    chosen = list(benchmarks)
    manager = task_manager([b.task_name for b in chosen], own=definitions)
    questions: list[Path] = []
    for benchmark in chosen:
        raw = definition(manager, benchmark.task_name)
        files = mirrored_files(benchmark, raw, mirror, num_fewshot=num_fewshot)
        questions += files.values()
        file = Path(str(manager.task_index[benchmark.task_name].yaml_path))
        task = mirrored_task(benchmark, raw, files, definition_file=file, num_fewshot=num_fewshot)
        path = folder / f"{benchmark.key}.yaml"
        path.write_text(yaml.safe_dump(task), encoding="utf-8")
    return questions


def mirrored_files(
    benchmark: Benchmark, raw: Mapping[str, Any], mirror: Path, *, num_fewshot: int
) -> dict[str, Path]:
    """Return the file of each split that the mirror has.

    Raises:
        ConfigError: The split with the questions is not there, or that with the examples.
    """
    source = mirror_folder(mirror, raw)
    files = parquet_files(source)
    for split in splits_of(raw).needed(num_fewshot):
        if split not in files:
            raise ConfigError(
                f"Benchmark {benchmark.key!r}: {split}.parquet is missing from {str(source)!r}. "
                "Put it there, or unset EVALBOARD_DATASETS to measure with the demo's questions."
            )
    return files


def mirrored_task(
    benchmark: Benchmark,
    raw: Mapping[str, Any],
    files: Mapping[str, Path],
    *,
    definition_file: Path,
    num_fewshot: int,
) -> dict[str, Any]:
    """Return a task that differs from its definition in name, few-shots and data source only."""
    return {
        "include": str(definition_file),
        "task": plain_task(benchmark),
        "num_fewshot": num_fewshot,
        **parquet_source(raw, files),
    }


def parquet_source(raw: Mapping[str, Any], files: Mapping[str, Path | str]) -> dict[str, Any]:
    """Return the part of a task that names the place of its questions.

    Args:
        raw: The task's definition.
        files: Parquet files by split, as paths or `hf://` addresses. Other splits are not opened.
    """
    absent = [
        name for name in raw if name.endswith("_split") and raw[name] and raw[name] not in files
    ]
    return {
        "dataset_path": "parquet",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": {split: str(path) for split, path in files.items()}},
        **dict.fromkeys(absent),
    }
