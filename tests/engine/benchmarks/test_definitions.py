from pathlib import Path

import pytest

from evalboard.engine.benchmarks.definitions import definition, task_manager
from evalboard.errors import ConfigError
from evalboard.suites.loader import load_suite

OWN = """
task: mmlu_anatomy
dataset_path: own/questions
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
"""


def test_all_tasks_of_the_medical_suite_are_found() -> None:
    benchmarks = load_suite("open-medical").benchmarks
    names = [benchmark.task_name for benchmark in benchmarks]
    manager = task_manager(names, own=None)
    assert set(names) <= manager.task_index.keys()
    repositories = {name: definition(manager, name)["dataset_path"] for name in names}
    assert repositories == dict.fromkeys(names, "cais/mmlu") | {
        "medmcqa": "openlifescienceai/medmcqa",
        "medqa_4options": "GBaker/MedQA-USMLE-4-options-hf",
        "pubmedqa": "bigbio/pubmed_qa",
    }


def test_a_definition_is_as_its_file_has_it_with_what_it_includes() -> None:
    raw = definition(task_manager(["mmlu_anatomy"], own=None), "mmlu_anatomy")
    assert raw["dataset_name"] == "anatomy"
    assert (raw["test_split"], raw["fewshot_split"]) == ("test", "dev")
    assert raw["output_type"] == "multiple_choice"


@pytest.mark.parametrize("name", ["mmlu_anatomie", "mmlu.anatomy", "mmlu"])
def test_what_is_no_task_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"no task '{name}'.*lm-eval ls tasks"):
        task_manager(["mmlu_anatomy", name], own=None)


def test_own_definitions_come_before_those_of_lm_eval(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "own.yaml").write_text(OWN, encoding="utf-8")
    manager = task_manager(["mmlu_anatomy", "mmlu_college_biology"], own=tmp_path)
    assert definition(manager, "mmlu_anatomy")["dataset_path"] == "own/questions"
    assert definition(manager, "mmlu_college_biology")["dataset_path"] == "cais/mmlu"


def test_of_two_definitions_the_first_by_path_is_taken(tmp_path: Path) -> None:
    for file, task, data in (
        ("a/one.yaml", "own_task", "first"),
        ("b/one.yaml", "own_task", "second"),
        ("b/two.yaml", "other_task", "third"),
    ):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        text = OWN.replace("mmlu_anatomy", task).replace("own/questions", data)
        (tmp_path / file).write_text(text, encoding="utf-8")
    manager = task_manager(["own_task", "other_task"], own=tmp_path)
    assert definition(manager, "own_task")["dataset_path"] == "first"
    assert definition(manager, "other_task")["dataset_path"] == "third"


@pytest.mark.parametrize("line", ["task: own_task", "'task': 'own_task'", '"task" : "own_task"  '])
def test_a_task_is_found_however_its_name_is_quoted(line: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN.replace("task: mmlu_anatomy", line), encoding="utf-8")
    manager = task_manager(["own_task"], own=tmp_path)
    assert definition(manager, "own_task")["dataset_path"] == "own/questions"
