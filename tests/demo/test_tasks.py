from pathlib import Path
from typing import Any

import pytest

from evalboard.demo.questions import BENCHMARKS, make_benchmarks
from evalboard.suites.loader import load_suite

lm_eval_tasks = pytest.importorskip("lm_eval.tasks")


@pytest.fixture(scope="module")
def tasks(demo_datasets: Path) -> dict[str, Any]:
    suite = load_suite("demo")
    manager = lm_eval_tasks.TaskManager(include_path=str(suite.tasks))
    members = [
        {
            "task": key,
            "dataset_path": "parquet",
            "dataset_kwargs": {"data_files": _files(demo_datasets, key)},
        }
        for key in BENCHMARKS
    ]
    loaded = manager.load([{"group": "demo", "task": members}])
    return dict(loaded["tasks"])


def _files(datasets: Path, key: str) -> dict[str, str]:
    folder = datasets / "evalboard" / key / "default"
    return {split: str(folder / f"{split}.parquet") for split in ("train", "test")}


def test_the_suite_names_these_benchmarks():
    assert tuple(b.task_name for b in load_suite("demo").benchmarks) == BENCHMARKS


@pytest.mark.parametrize("key", BENCHMARKS)
def test_lm_eval_asks_what_the_questions_say(tasks: dict[str, Any], key: str):
    task = tasks[key]
    questions = make_benchmarks()[key].test
    documents = list(task.test_docs())
    assert len(documents) == len(questions)
    for document, question in zip(documents, questions, strict=True):
        choices = task.doc_to_choice(document)
        target = task.doc_to_target(document)
        right = target if isinstance(target, str) else choices[target]
        assert task.doc_to_text(document) == question.prompt
        assert task.config.target_delimiter + right == question.target


@pytest.mark.parametrize("key", BENCHMARKS)
def test_few_shot_examples_come_from_the_practice_split(tasks: dict[str, Any], key: str):
    practice = [question._asdict() for question in make_benchmarks()[key].train]
    assert list(tasks[key].fewshot_docs()) == practice
