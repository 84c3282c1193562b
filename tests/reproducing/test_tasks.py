from pathlib import Path

import pytest
import yaml

from evalboard.demo.questions import write_datasets
from evalboard.errors import ConfigError
from evalboard.reproducing.tasks import plain_tasks
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Benchmark, DataSource, Suite


def suite_of(benchmark: Benchmark) -> Suite:
    return Suite(name="some", title="Some", benchmarks=(benchmark,))


def files(folder: Path) -> dict[str, dict[str, object]]:
    return {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in folder.iterdir()
    }


def test_a_task_of_lm_eval_needs_no_file(tmp_path: Path) -> None:
    anatomy = Benchmark(key="mmlu_anatomy", title="Anatomy")
    (task,) = plain_tasks(
        [anatomy], suite_of(anatomy), mirror=tmp_path, folder=tmp_path / "tasks", generation={}
    )
    assert (task.benchmark, task.name) == ("mmlu_anatomy", "mmlu_anatomy")
    assert not (tmp_path / "tasks").exists()


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        (
            DataSource(files={"test": "hf://datasets/a/b/*.parquet"}),
            {
                "dataset_path": "parquet",
                "dataset_kwargs": {"data_files": {"test": "hf://datasets/a/b/*.parquet"}},
            },
        ),
        (
            DataSource(repo="a/b", revision="c"),
            {"dataset_path": "a/b", "dataset_kwargs": {"revision": "c"}},
        ),
    ],
)
def test_the_source_of_the_suite_is_that_of_the_plain_task(
    tmp_path: Path, source: DataSource, changes: dict[str, object]
) -> None:
    anatomy = Benchmark(key="mmlu_anatomy", title="Anatomy", source=source)
    (task,) = plain_tasks(
        [anatomy], suite_of(anatomy), mirror=None, folder=tmp_path / "tasks", generation={}
    )
    (written,) = files(tmp_path / "tasks").values()
    assert task.name == written["task"] == "plain_mmlu_anatomy"
    assert changes.items() <= written.items()


def test_tasks_of_the_suite_come_with_the_mirror_and_the_generation(tmp_path: Path) -> None:
    write_datasets(tmp_path / "mirror")
    suite = load_suite("demo")
    asked = plain_tasks(
        suite.benchmarks,
        suite,
        mirror=tmp_path / "mirror",
        folder=tmp_path / "tasks",
        generation={"demo_anatomy": {"max_gen_toks": 7}},
    )
    assert [task.name for task in asked] == [f"plain_{b.key}" for b in suite.benchmarks]
    written = files(tmp_path / "tasks")
    assert written["demo_anatomy"]["generation_kwargs"] == {"max_gen_toks": 7}
    assert "generation_kwargs" not in written["demo_abstracts"]
    assert {task["dataset_path"] for task in written.values()} == {"parquet"}


def test_a_mirror_without_the_split_is_named(tmp_path: Path) -> None:
    write_datasets(tmp_path)
    (tmp_path / "evalboard" / "demo_anatomy" / "default" / "test.parquet").unlink()
    suite = load_suite("demo")
    with pytest.raises(ConfigError, match=r"test\.parquet is missing"):
        plain_tasks(suite.benchmarks, suite, mirror=tmp_path, folder=tmp_path / "t", generation={})
