"""The location of a task's questions: the splits of a definition and their files in a mirror."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.errors import HarnessError
from evalboard.identity import digest
from evalboard.suites.model import DataSource

SPLIT_KEYS = ("training_split", "validation_split", "test_split", "fewshot_split")


class Splits(NamedTuple):
    """The splits in a task definition."""

    evaluation: str | None
    """With the questions."""
    fewshot: str | None
    """With the examples."""
    named: dict[str, str]
    """Split by the key of the definition."""

    def needed(self, num_fewshot: int) -> list[str | None]:
        """Return the splits that are read for this number of examples."""
        return [self.evaluation, self.fewshot] if num_fewshot else [self.evaluation]


def splits_of(definition: Mapping[str, Any]) -> Splits:
    """Return the splits as lm_eval chooses them."""
    named = {key: definition[key] for key in SPLIT_KEYS if definition.get(key)}
    evaluation = named.get("test_split") or named.get("validation_split")
    fewshot = (
        named.get("fewshot_split")
        or (definition.get("fewshot_config") or {}).get("split")
        or named.get("training_split")
        or named.get("validation_split")
    )
    return Splits(evaluation, fewshot, named)


def mirror_folder(mirror: Path, definition: Mapping[str, Any]) -> Path:
    """Return the folder of a task's questions in a mirror."""
    return (
        mirror / definition.get("dataset_path", "") / (definition.get("dataset_name") or "default")
    )


def mirror_files(
    mirror: Path, definition: Mapping[str, Any], splits: Iterable[str | None]
) -> dict[str, Path]:
    """Return the files in which a mirror has splits of a task, by split.

    Raises:
        HarnessError: The definition names no data set, so its questions have no place in a mirror.
    """
    if not definition.get("dataset_path"):
        raise HarnessError(
            f"Task {definition.get('task')!r} names no data set, so a mirror cannot contain its "
            "questions. Give its definition a `dataset_path`."
        )
    folder = mirror_folder(mirror, definition)
    return {split: folder / f"{split}.parquet" for split in splits if split}


def fetched_folder(
    fetched: Path,
    definition: Mapping[str, Any],
    source: DataSource | None,
    splits: Iterable[str | None],
) -> Path:
    """Return the folder of a task's questions among those that were read from elsewhere.

    Its name stands for where they came from, so another revision has another folder.
    """
    asked = {key: definition.get(key) for key in ("dataset_path", "dataset_name", "dataset_kwargs")}
    origin = source.model_dump(mode="json") if source else None
    return fetched / digest({**asked, "source": origin, "splits": list(splits)})[:40]


def parquet_files(folder: Path) -> dict[str, Path]:
    """Return the file of every split in a folder, which may be missing."""
    return {path.stem: path for path in sorted(folder.glob("*.parquet"))}
