"""What the answers of every kind of benchmark say."""

import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.models.huggingface import HFLM

from evalboard.engine.benchmarks.details import SCHEMA
from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.engine.benchmarks.scoring import score
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Benchmark

SUBJECTS = ("mmlu_anatomy", "mmlu_astronomy", "mmlu_virology")
GROUP = Benchmark(key="mmlu", title="MMLU", tasks=SUBJECTS)
BENCHMARKS = {b.key: b for b in load_suite("open-llm-v1").benchmarks if not b.tasks} | {
    "mmlu": GROUP,
    "mmlu_virology": GROUP.subjects[2],
}


class PreparedModel(LM):
    """Stands for a model that can calculate, which none of this size can."""

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError

    def generate_until(self, requests: list[Instance]) -> list[str]:
        """Give right answers in the wanted form, then in another, then none."""
        forms = ("so\n#### {}", "It is {}.", "I do not know.")
        return [forms[number % 3].format(number) for number, _ in enumerate(requests)]


class UndecidedModel(PreparedModel):
    """Finds every choice equally probable."""

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        return [(-2.0, False)] * len(requests)


@pytest.fixture(scope="module")
def library(open_llm_mirror: Path) -> TaskLibrary:
    return TaskLibrary(BENCHMARKS.values(), mirror=open_llm_mirror, offline=True)


def answers(model: LM, library: TaskLibrary, key: str) -> tuple[dict[str, Any], list[Any]]:
    """Return a benchmark's metrics and its rows."""
    loaded = library.load(BENCHMARKS[key], num_fewshot=0)
    scored = score(model, loaded, key="k", limit=None, use_chat_template=False)
    table = pq.read_table(io.BytesIO(scored.answers))
    assert table.schema == SCHEMA
    assert table.num_rows == scored.outcome.n_effective
    return scored.outcome.metrics, table.to_pylist()


def preferred(row: dict[str, Any], weights: list[float]) -> str:
    pairs = zip(row["loglikelihoods"], weights, row["choices"], strict=True)
    return max(pairs, key=lambda pair: pair[0] / pair[1])[2]


@pytest.mark.parametrize("key", ["arc_challenge", "hellaswag"])
def test_the_answer_is_the_choice_that_the_metric_prefers(
    key: str, library: TaskLibrary, tiny_model: HFLM
) -> None:
    metrics, rows = answers(tiny_model, library, key)
    plain = [preferred(row, [1] * 4) for row in rows]
    by_length = [preferred(row, [len(choice) for choice in row["choices"]]) for row in rows]
    assert [row["answer"] for row in rows] == by_length
    assert by_length != plain
    assert [row["correct"] for row in rows] == [row["answer"] == row["target"] for row in rows]
    assert sum(row["correct"] for row in rows) / len(rows) == metrics["acc_norm,none"]


@pytest.mark.parametrize("key", ["mmlu_virology", "winogrande"])
def test_the_answer_is_the_most_probable_choice(
    key: str, library: TaskLibrary, tiny_model: HFLM
) -> None:
    metrics, rows = answers(tiny_model, library, key)
    assert [r["answer"] for r in rows] == [preferred(r, [1] * len(r["choices"])) for r in rows]
    assert [row["correct"] for row in rows] == [row["answer"] == row["target"] for row in rows]
    assert sum(row["correct"] for row in rows) / len(rows) == metrics["acc,none"]
    assert {row["correct"] for row in rows} == {True, False}


def test_choices_that_are_alike_are_tied_and_the_first_is_the_answer(
    library: TaskLibrary, tiny_model: HFLM
) -> None:
    _, rows = answers(UndecidedModel(), library, "mmlu_virology")
    assert {row["is_tied"] for row in rows} == {True}
    assert [row["answer"] for row in rows] == [row["choices"][0] for row in rows]
    _, rows = answers(tiny_model, library, "mmlu_virology")
    assert {row["is_tied"] for row in rows} == {False}


def test_choices_with_contexts_of_their_own_are_told_apart(
    library: TaskLibrary, tiny_model: HFLM
) -> None:
    _, rows = answers(tiny_model, library, "winogrande")
    for number, row in enumerate(rows):
        heart, lung = row["choices"]
        assert heart.endswith(f"heart {number}")
        assert lung.endswith(f"lung {number}")
        assert row["target"] == row["choices"][number % 2]


def test_a_share_of_probability_is_neither_right_nor_wrong(
    library: TaskLibrary, tiny_model: HFLM
) -> None:
    metrics, rows = answers(tiny_model, library, "truthfulqa_mc2")
    assert {row["correct"] for row in rows} == {None}
    earned = [row["earned"] for row in rows]
    assert sum(earned) / len(earned) == pytest.approx(metrics["acc,none"])
    assert 0 < metrics["acc,none"] < 1
    assert {len(row["choices"]) for row in rows} == {3, 4, 5, 6}


def test_a_text_is_read_in_the_way_that_the_metric_asks_for(library: TaskLibrary) -> None:
    metrics, rows = answers(PreparedModel(), library, "gsm8k")
    assert [row["question_id"] for row in rows] == list(range(len(rows)))
    right = [number % 3 == 0 for number in range(len(rows))]
    assert [row["correct"] for row in rows] == right
    assert [row["extracted"] == str(n) for n, row in enumerate(rows)] == right
    assert [row["answer"] for row in rows] == [row["extracted"] for row in rows]
    assert (rows[3]["output"], rows[4]["output"]) == ("so\n#### 3", "It is 4.")
    assert rows[4]["target"].endswith("#### 4")
    assert {row["choices"] for row in rows} == {None}
    assert metrics["exact_match,strict-match"] == sum(right) / len(rows)
    assert metrics["exact_match,flexible-extract"] > metrics["exact_match,strict-match"]


def test_a_group_has_one_file_with_its_subjects_one_after_another(
    library: TaskLibrary, tiny_model: HFLM
) -> None:
    _, rows = answers(tiny_model, library, "mmlu")
    counts = dict(zip(SUBJECTS, (17, 18, 19), strict=True))
    places = [(subject, number) for subject, n in counts.items() for number in range(n)]
    assert [(row["subject"], row["question_id"]) for row in rows] == places
    _, alone = answers(tiny_model, library, "mmlu_virology")
    assert [row["subject"] for row in alone] == ["its own name"] * 19
    for one, other in zip(rows[-19:], alone, strict=True):
        assert (one["doc_hash"], one["answer"]) == (other["doc_hash"], other["answer"])
        assert one["loglikelihoods"] == pytest.approx(other["loglikelihoods"], abs=1e-4)
