"""The suite `open-medical-robust` against what the raw files say, and against lm-eval's own prompts."""

import re
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
ABOUT_OTHERS = re.compile(r"\b(none|all|any|both|either|neither|[a-d])\b", re.IGNORECASE)
"""What every question has in its choices that is left out."""

STEP = 9
"""In the orders from 1 on, one in so many questions is compared."""


class DataSet(NamedTuple):
    """One data set as its files have it."""

    file: str
    asked: int
    """Number of all questions."""
    in_orders: int
    """Number of questions whose choices can be turned."""
    begin: Callable[[Row], str]
    """The prompt up to the choices."""
    blind: str
    """What precedes the choices where the question is missing."""
    choices: Callable[[Row], list[str]]
    right: Callable[[Row], int]
    original: str
    """lm-eval's own task."""


def _mmlu(subject: str, asked: int, in_orders: int) -> DataSet:
    words = subject.replace("_", " ")
    about = f"The following are multiple choice questions (with answers) about {words}.\n\n"
    return DataSet(
        f"cais/mmlu/{subject}/test.parquet",
        asked,
        in_orders,
        lambda row: f"{about}{row['question'].strip()}\n",
        about,
        lambda row: row["choices"],
        lambda row: row["answer"],
        f"mmlu_{subject}",
    )


DATA_SETS = {
    "medmcqa": DataSet(
        "openlifescienceai/medmcqa/default/validation.parquet",
        4183,
        3822,
        lambda row: f"Question: {row['question']}\nChoices:\n",
        "Choices:\n",
        lambda row: [row["opa"], row["opb"], row["opc"], row["opd"]],
        lambda row: row["cop"],
        "medmcqa",
    ),
    "medqa": DataSet(
        "GBaker/MedQA-USMLE-4-options-hf/default/test.parquet",
        1273,
        1272,
        lambda row: f"Question: {row['sent1']}\n",
        "",
        lambda row: [row["ending0"], row["ending1"], row["ending2"], row["ending3"]],
        lambda row: row["label"],
        "medqa_4options",
    ),
    "mmlu_anatomy": _mmlu("anatomy", 135, 133),
    "mmlu_clinical_knowledge": _mmlu("clinical_knowledge", 265, 259),
    "mmlu_college_biology": _mmlu("college_biology", 144, 139),
    "mmlu_college_medicine": _mmlu("college_medicine", 173, 169),
    "mmlu_medical_genetics": _mmlu("medical_genetics", 100, 98),
    "mmlu_professional_medicine": _mmlu("professional_medicine", 272, 272),
}


@pytest.fixture(scope="module")
def library(real_datasets: Path) -> TaskLibrary:
    suite = load_suite("open-medical-robust")
    originals = [b for b in load_suite("open-medical").benchmarks if b.key != "pubmedqa"]
    benchmarks = (*suite.benchmarks, *originals)
    return TaskLibrary(benchmarks, definitions=suite.tasks, mirror=real_datasets, offline=True)


def asked_of(loaded: LoadedTask, *, step: int = 1) -> list[tuple[str, int]]:
    """Return prompt and place of the right choice of questions, and check lm-eval's first request.

    Args:
        loaded: The task.
        step: One in so many questions is returned, from the first on.
    """
    task: Any = loaded.task
    described = task.config.description or ""
    task.build_all_requests(limit=1, **PROMPT_FORM)
    documents = list(task.eval_docs)[::step]
    asked = [(described + task.doc_to_text(d), task.doc_to_target(d)) for d in documents]
    assert [request.args for request in task.instances] == [
        (asked[0][0], f" {letter}") for letter in "ABCD"
    ]
    return asked


def prompt(begin: str, choices: list[str]) -> str:
    lines = [f"{letter}. {text}\n" for letter, text in zip("ABCD", choices, strict=True)]
    return f"{begin}{''.join(lines)}Answer:"


@pytest.mark.parametrize("key", DATA_SETS)
def test_every_choice_is_at_every_place_once(
    key: str, library: TaskLibrary, real_datasets: Path
) -> None:
    data_set = DATA_SETS[key]
    (benchmark,) = load_suite("open-medical-robust").select((f"{key}_orders",))
    first, *others = library.load(benchmark).tasks
    assert {task.n_original for task in others} == {first.n_original}
    asked = [asked_of(first), *(asked_of(task, step=STEP) for task in others)]
    rows = pq.read_table(real_datasets / data_set.file).to_pylist()
    kept: list[Row] = []
    for row in rows:
        choices = data_set.choices(row)
        expected = prompt(data_set.begin(row), choices), data_set.right(row)
        if len(kept) < len(asked[0]) and asked[0][len(kept)] == expected:
            kept.append(row)
        else:
            assert ABOUT_OTHERS.search(" ".join(choices)), choices
    assert len(kept) == data_set.in_orders
    for k, of_order in enumerate(asked):
        some = kept[::STEP] if k else kept
        turned = [data_set.choices(row)[k:] + data_set.choices(row)[:k] for row in some]
        assert of_order == [
            (prompt(data_set.begin(row), choices), (data_set.right(row) - k) % 4)
            for row, choices in zip(some, turned, strict=True)
        ]
    assert benchmark.about.questions == 4 * len(kept)


@pytest.mark.parametrize("key", DATA_SETS)
def test_prompts_but_for_the_order_are_those_of_lm_eval(
    key: str, library: TaskLibrary, real_datasets: Path
) -> None:
    data_set = DATA_SETS[key]
    (original,) = load_suite("open-medical").select((data_set.original,))
    rows = pq.read_table(real_datasets / data_set.file).to_pylist()
    assert asked_of(library.load(original).tasks[0]) == [
        (prompt(data_set.begin(row), data_set.choices(row)), data_set.right(row)) for row in rows
    ]


@pytest.mark.parametrize("key", DATA_SETS)
def test_nothing_but_the_question_is_missing(
    key: str, library: TaskLibrary, real_datasets: Path
) -> None:
    data_set = DATA_SETS[key]
    (benchmark,) = load_suite("open-medical-robust").select((f"{key}_blind",))
    (task,) = library.load(benchmark).tasks
    rows = pq.read_table(real_datasets / data_set.file).to_pylist()
    assert len(rows) == task.n_original == data_set.asked == benchmark.about.questions
    assert asked_of(task) == [
        (prompt(data_set.blind, data_set.choices(row)), data_set.right(row)) for row in rows
    ]
