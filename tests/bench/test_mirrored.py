from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalboard.bench.cases import Case
from evalboard.bench.cutting import cut
from evalboard.bench.material import Material
from evalboard.bench.mirrored import mirrored_files, mirrored_task, write_tasks
from evalboard.errors import ConfigError
from evalboard.suites.model import Benchmark

BENCHMARK = Benchmark(key="some_exam", title="Some Exam")
DEFINITION = Path("tasks/some_exam.yaml")
RAW = {
    "dataset_path": "org/exams",
    "dataset_name": "some",
    "test_split": "test",
    "fewshot_split": "dev",
    "validation_split": None,
}


def mirror_with(folder: Path, *splits: str) -> Path:
    source = folder / "org" / "exams" / "some"
    source.mkdir(parents=True)
    for split in splits:
        (source / f"{split}.parquet").touch()
    return source


def test_a_mirrored_task_changes_the_source_and_keeps_the_definition(tmp_path: Path) -> None:
    source = mirror_with(tmp_path, "test")
    files = mirrored_files(BENCHMARK, RAW, tmp_path, num_fewshot=0)
    task = mirrored_task(BENCHMARK, RAW, files, definition_file=DEFINITION, num_fewshot=0)
    assert task == {
        "include": str(DEFINITION),
        "task": "plain_some_exam",
        "num_fewshot": 0,
        "dataset_path": "parquet",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": {"test": str(source / "test.parquet")}},
        "fewshot_split": None,
    }


def test_a_task_with_examples_keeps_their_split(tmp_path: Path) -> None:
    mirror_with(tmp_path, "dev", "test")
    files = mirrored_files(BENCHMARK, RAW, tmp_path, num_fewshot=5)
    task = mirrored_task(BENCHMARK, RAW, files, definition_file=DEFINITION, num_fewshot=5)
    assert task["num_fewshot"] == 5
    assert sorted(task["dataset_kwargs"]["data_files"]) == ["dev", "test"]
    assert "fewshot_split" not in task


def test_a_mirror_without_the_questions_is_refused(tmp_path: Path) -> None:
    raw = {"dataset_path": "org/exams", "test_split": "test"}
    with pytest.raises(
        ConfigError, match=r"test\.parquet is missing from .*exams/default.*unset EVALB"
    ):
        mirrored_files(BENCHMARK, raw, tmp_path, num_fewshot=0)


def test_a_mirror_without_the_examples_is_refused_where_they_are_needed(tmp_path: Path) -> None:
    mirror_with(tmp_path, "test")
    with pytest.raises(ConfigError, match=r"dev\.parquet is missing from"):
        mirrored_files(BENCHMARK, RAW, tmp_path, num_fewshot=5)


def test_a_cut_mirror_has_the_first_questions_in_the_same_place(tmp_path: Path) -> None:
    source = mirror_with(tmp_path / "whole")
    for split in ("dev", "test"):
        pq.write_table(pa.table({"number": [3, 1, 2]}), source / f"{split}.parquet")
    cut([source / "test.parquet"], tmp_path / "whole", tmp_path / "cut", rows=2)
    (file,) = (path for path in (tmp_path / "cut").rglob("*") if path.is_file())
    assert file == tmp_path / "cut/org/exams/some/test.parquet"
    assert pq.read_table(file).to_pydict() == {"number": [3, 1]}


def test_lm_eval_loads_the_mirrored_tasks(material: Material, case: Case) -> None:
    from lm_eval.tasks import TaskManager

    folder = material.task_folder(case)
    questions = write_tasks(
        material.benchmarks(case),
        folder,
        definitions=material.suite.tasks,
        mirror=Path(str(material.settings.datasets)),
        num_fewshot=case.num_fewshot,
    )
    assert {path.stem for path in questions} == {"train", "test"}
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    loaded = manager.load(["plain_demo_anatomy", "plain_demo_abstracts"])["tasks"]
    assert {name: len(task.eval_docs) for name, task in loaded.items()} == {
        "plain_demo_anatomy": 120,
        "plain_demo_abstracts": 120,
    }
    assert {task.config.num_fewshot for task in loaded.values()} == {5}
