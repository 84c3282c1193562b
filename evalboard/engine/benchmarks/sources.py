"""Read the questions of a task from a mirror or a named source, and write them into a mirror."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from datasets.exceptions import DatasetsError
from datasets.table import InMemoryTable

from evalboard.suites.model import DataSource


def write_split(task: Any, split: str, file: Path) -> Path:
    """Write the questions of a task's split into a Parquet file, and return it when it is complete."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f"{file.name}.unfinished")
    task.dataset[split].to_parquet(unfinished)
    return unfinished.replace(file)


def mirror_reader(files: Mapping[str, Path]) -> Callable[..., Any]:
    """Return a function that reads local files without a cache beside them."""

    def read(**_: Any) -> Any:
        return datasets.DatasetDict({split: _read_parquet(f) for split, f in files.items()})

    return read


def _read_parquet(file: Path) -> datasets.Dataset:
    try:
        return datasets.Dataset(InMemoryTable(pq.read_table(file)))
    except pa.ArrowInvalid as exc:
        raise DatasetsError(f"File {str(file)!r} cannot be read: {exc}") from exc


def _parquet_reader(files: Mapping[str, str]) -> Callable[..., Any]:
    def read(**_: Any) -> Any:
        return datasets.load_dataset("parquet", data_files=dict(files))

    return read


def source_reader(source: DataSource, name: str | None) -> Callable[..., Any]:
    """Return a function that reads what a suite names as the source of a task.

    Args:
        source: The source.
        name: Configuration of the data set in the task's definition, if the source has none.
    """
    if source.files:
        return _parquet_reader(source.files)
    repo = source.repo or ""

    def read(**_: Any) -> Any:
        return datasets.load_dataset(repo, name=source.config or name, revision=source.revision)

    return read
