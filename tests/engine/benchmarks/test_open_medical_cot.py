"""The suite `open-medical-cot` against what its raw files say, computed without lm_eval's tasks."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.engine.benchmarks.loaded import LoadedTask
from evalboard.engine.benchmarks.prompts import PROMPT_FORM
from evalboard.suites.loader import load_suite

Row = Mapping[str, Any]


class DataSet(NamedTuple):
    """One data set as its files have it."""

    file: str
    questions: int
    asked: Callable[[Row], str]
    """What stands before the choices."""
    choices: Callable[[Row], list[str]]
    right: Callable[[Row], int]
    """Position of the right choice."""


def _mmlu(subject: str, questions: int) -> DataSet:
    return DataSet(
        f"cais/mmlu/{subject}/test.parquet",
        questions,
        lambda row: row["question"],
        lambda row: row["choices"],
        lambda row: row["answer"],
    )


DATA_SETS = {
    "medmcqa_cot": DataSet(
        "openlifescienceai/medmcqa/default/validation.parquet",
        4183,
        lambda row: row["question"],
        lambda row: [row["opa"], row["opb"], row["opc"], row["opd"]],
        lambda row: row["cop"],
    ),
    "medqa_cot": DataSet(
        "GBaker/MedQA-USMLE-4-options-hf/default/test.parquet",
        1273,
        lambda row: row["sent1"],
        lambda row: [row["ending0"], row["ending1"], row["ending2"], row["ending3"]],
        lambda row: row["label"],
    ),
    "mmlu_anatomy_cot": _mmlu("anatomy", 135),
    "mmlu_clinical_knowledge_cot": _mmlu("clinical_knowledge", 265),
    "mmlu_college_biology_cot": _mmlu("college_biology", 144),
    "mmlu_college_medicine_cot": _mmlu("college_medicine", 173),
    "mmlu_medical_genetics_cot": _mmlu("medical_genetics", 100),
    "mmlu_professional_medicine_cot": _mmlu("professional_medicine", 272),
    "pubmedqa_cot": DataSet(
        "bigbio/pubmed_qa/pubmed_qa_labeled_fold0_source/test.parquet",
        500,
        lambda row: "\n".join(row["CONTEXTS"]) + "\n\n" + row["QUESTION"],
        lambda row: ["yes", "no", "maybe"],
        lambda row: ["yes", "no", "maybe"].index(row["final_decision"]),
    ),
}


@pytest.fixture(scope="module")
def suite_tasks(real_datasets: Path) -> dict[str, LoadedTask]:
    suite = load_suite("open-medical-cot")
    library = TaskLibrary(
        suite.benchmarks, definitions=suite.tasks, mirror=real_datasets, offline=True
    )
    return {benchmark.key: library.load(benchmark).tasks[0] for benchmark in suite.benchmarks}


def test_it_asks_the_questions_of_open_medical() -> None:
    ours, theirs = load_suite("open-medical-cot"), load_suite("open-medical")
    assert [b.title for b in ours.benchmarks] == [b.title for b in theirs.benchmarks]
    assert [b.baseline for b in ours.benchmarks] == [b.baseline for b in theirs.benchmarks]
    assert {b.num_fewshot for b in ours.benchmarks} == {0}
    assert [b.key for b in ours.benchmarks] == list(DATA_SETS)
    assert sum(data_set.questions for data_set in DATA_SETS.values()) == 7045


@pytest.mark.parametrize("key", DATA_SETS)
def test_questions_gold_and_prompts_are_those_of_the_raw_file(
    key: str, suite_tasks: dict[str, LoadedTask], real_datasets: Path
) -> None:
    data_set, task = DATA_SETS[key], suite_tasks[key].task
    rows = pq.read_table(real_datasets / data_set.file).to_pylist()
    documents: list[Any] = list(task.eval_docs)
    assert len(rows) == len(documents) == suite_tasks[key].n_original == data_set.questions
    assert [task.doc_to_target(document) for document in documents] == [
        "ABCD"[data_set.right(row)] for row in rows
    ]
    for row, document in ((rows[0], documents[0]), (rows[-1], documents[-1])):
        assert task.doc_to_text(document) == prompt_of(data_set, row)


def prompt_of(data_set: DataSet, row: Row) -> str:
    """Return the prompt of a question, by the protocol."""
    choices = data_set.choices(row)
    letters = "ABCD"[: len(choices)]
    lines = [f"{letter}. {text.strip()}" for letter, text in zip(letters, choices, strict=True)]
    return (
        "Answer the following multiple-choice question. Think step by step. The last line of your "
        f'answer must be of the form "Answer: X", where X is one of the letters {", ".join(letters)}.'
        f"\n\n{data_set.asked(row).strip()}\n\n" + "\n".join(lines)
    )


@pytest.mark.parametrize("key", DATA_SETS)
def test_a_question_is_one_turn_of_the_user_that_only_the_model_ends(
    key: str, suite_tasks: dict[str, LoadedTask]
) -> None:
    task = suite_tasks[key].task
    conversations: list[list[dict[str, str]]] = []

    def template(chat: list[dict[str, str]], *_: bool, **__: bool) -> str:
        conversations.append(chat)
        return chat[-1]["content"]

    task.build_all_requests(
        limit=1, apply_chat_template=True, chat_template=template, **PROMPT_FORM
    )
    (request,) = task.instances
    assert [[turn["role"] for turn in chat] for chat in conversations] == [["user"]]
    assert conversations[0][0]["content"] == task.doc_to_text(task.eval_docs[0])
    asked: Any = request.args
    assert asked[1] == {"until": [], "max_gen_toks": 8192, "do_sample": False}


@pytest.mark.parametrize("key", DATA_SETS)
def test_the_right_letter_scores_and_every_other_does_not(
    key: str, suite_tasks: dict[str, LoadedTask], real_datasets: Path
) -> None:
    data_set, task = DATA_SETS[key], suite_tasks[key].task
    rows = pq.read_table(real_datasets / data_set.file).slice(0, 20).to_pylist()
    for row, document in zip(rows, task.eval_docs, strict=False):
        for place in range(len(data_set.choices(row))):
            found = task.process_results(document, [f"I weigh them.\nAnswer: {'ABCD'[place]}"])
            assert found["acc"] == found["strict_acc"] == float(place == data_set.right(row))
            assert found["read"] == 1
