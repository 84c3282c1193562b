"""Task files for plain lm_eval, where its own definition is not all that it needs."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from evalboard.bench.cases import plain_task
from evalboard.bench.mirrored import mirrored_files, parquet_source
from evalboard.engine.benchmarks.definitions import definition, task_manager
from evalboard.engine.benchmarks.mirror import mirror_folder, parquet_files
from evalboard.suites.model import Benchmark, DataSource, Suite


class PlainTask(NamedTuple):
    """One task of a plain run."""

    benchmark: str
    """Key of the benchmark, or of the group that it is a subject of."""
    part: Benchmark
    """The single task."""
    name: str
    """Its name in the run."""
    writes: bool = False
    """Whether the model writes its answers, before which it may think."""


def plain_tasks(
    benchmarks: Iterable[Benchmark],
    suite: Suite,
    *,
    mirror: Path | None,
    folder: Path,
    generation: Mapping[str, Mapping[str, Any]],
) -> list[PlainTask]:
    """Return the tasks of a plain run, and write a file for each that needs one.

    A task needs a file if its questions come from elsewhere than lm_eval's definition says, or if the
    suite has defined it.

    Args:
        benchmarks: What is asked.
        suite: Their suite.
        mirror: Folder with questions, None without one.
        folder: Where the files go.
        generation: Arguments of the generation by task, which take precedence over the task's.

    Raises:
        ConfigError: lm_eval has no such task, or a file of the mirror is missing.
    """
    parts = [(b.key, part) for b in benchmarks for part in b.subjects or (b,)]
    manager = task_manager([part.task_name for _, part in parts], own=suite.tasks)
    tasks: list[PlainTask] = []
    for key, part in parts:
        file = Path(str(manager.task_index[part.task_name].yaml_path))
        raw = definition(manager, part.task_name)
        changes = _place(part, raw, mirror)
        if part.task_name in generation:
            changes["generation_kwargs"] = dict(generation[part.task_name])
        is_own = suite.tasks is not None and file.is_relative_to(suite.tasks)
        name = _write(part, file, changes, folder) if changes or is_own else part.task_name
        writes = raw.get("output_type") == "generate_until"
        tasks.append(PlainTask(key, part, name, writes))
    return tasks


def _place(part: Benchmark, raw: Mapping[str, Any], mirror: Path | None) -> dict[str, Any]:
    """Return the changes of a definition that name another place of its questions."""
    if mirror and parquet_files(mirror_folder(mirror, raw)):
        return parquet_source(
            raw, mirrored_files(part, raw, mirror.resolve(), num_fewshot=part.num_fewshot)
        )
    return _sourced(part.source, raw) if part.source else {}


def _sourced(source: DataSource, raw: Mapping[str, Any]) -> dict[str, Any]:
    if source.files:
        return parquet_source(raw, source.files)
    named = {"dataset_path": source.repo, "dataset_name": source.config or raw.get("dataset_name")}
    return named | ({"dataset_kwargs": {"revision": source.revision}} if source.revision else {})


def _write(part: Benchmark, definition_file: Path, changes: dict[str, Any], folder: Path) -> str:
    name = plain_task(part)
    task = {"include": str(definition_file), "task": name, "num_fewshot": part.num_fewshot}
    folder.mkdir(parents=True, exist_ok=True)
    content = yaml.safe_dump(task | changes, sort_keys=False)
    (folder / f"{part.task_name}.yaml").write_text(content, encoding="utf-8")
    return name
