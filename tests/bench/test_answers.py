import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalboard.bench.answers import Answer, Comparison, compare, read_details, read_samples
from evalboard.errors import HarnessError
from evalboard.suites.model import Benchmark

EXAM = Benchmark(key="exam", title="Exam")
SUMS = Benchmark(key="sums", title="Sums", metric="exact_match,strict-match")
CHOICE = Answer("q1", 1, True, (-2.0, -0.5))
TEXT = Answer("q2", "12", False, ())


def test_equal_answers_do_not_differ() -> None:
    assert compare({"exam": [CHOICE], "sums": [TEXT]}, {"sums": [TEXT], "exam": [CHOICE]}) == (
        Comparison(different=0, largest_difference=0.0)
    )


@pytest.mark.parametrize(
    "other",
    [
        CHOICE._replace(chosen=0),
        CHOICE._replace(correct=False),
        CHOICE._replace(question="q9"),
    ],
)
def test_another_choice_verdict_or_question_differs(other: Answer) -> None:
    assert compare({"exam": [CHOICE]}, {"exam": [other]}).different == 1


def test_another_text_differs() -> None:
    assert compare({"sums": [TEXT]}, {"sums": [TEXT._replace(chosen="13")]}).different == 1


def test_questions_of_one_program_only_differ() -> None:
    assert compare({"exam": [CHOICE, CHOICE]}, {"exam": [CHOICE]}).different == 1
    assert compare({"exam": [CHOICE]}, {}).different == 1
    assert compare({}, {"exam": [CHOICE]}).different == 1


def test_the_largest_difference_is_over_all_choices() -> None:
    near = CHOICE._replace(loglikelihoods=(-2.25, -0.5625))
    assert compare({"exam": [CHOICE, CHOICE]}, {"exam": [near, CHOICE]}) == Comparison(0, 0.25)


def test_a_choice_that_is_impossible_to_both_makes_no_difference() -> None:
    impossible = CHOICE._replace(loglikelihoods=(float("-inf"), -0.5))
    assert compare({"exam": [impossible]}, {"exam": [impossible]}) == Comparison(0, 0.0)


def sample(number: int, **more: Any) -> dict[str, Any]:
    return {"doc_id": number, "doc_hash": f"q{number}", "filter": "none", **more}


def write_samples(folder: Path, task: str, samples: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"samples_{task}_2026-11-21T10-00-00.000001.jsonl"
    file.write_text("".join(json.dumps(s) + "\n" for s in samples), encoding="utf-8")


def test_the_samples_of_lm_eval_are_read_in_the_order_of_the_questions(tmp_path: Path) -> None:
    right = sample(1, acc=1.0, filtered_resps=[["-2.0", "False"], ["-0.5", "True"]])
    wrong = sample(0, acc=0.0, filtered_resps=[["-1.0", "False"], ["-inf", "False"]])
    write_samples(tmp_path / "model", "plain_exam", [right, wrong])
    write_samples(tmp_path / "model", "plain_exam_2", [])
    assert read_samples(tmp_path, [EXAM]) == {
        "exam": [Answer("q0", 0, False, (-1.0, float("-inf"))), CHOICE]
    }


def test_generated_text_is_read_with_the_filter_of_the_metric(tmp_path: Path) -> None:
    samples = [
        sample(2, exact_match=1.0, filtered_resps=["99"]) | {"filter": "flexible-extract"},
        sample(2, exact_match=0.0, filtered_resps=["12"]) | {"filter": "strict-match"},
    ]
    write_samples(tmp_path, "plain_sums", samples)
    assert read_samples(tmp_path, [SUMS]) == {"sums": [TEXT]}


def test_our_details_are_read_alike(tmp_path: Path) -> None:
    row = {"question_id": 1, "doc_hash": "q1", "correct": True, "loglikelihoods": [-2.0, -0.5]}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "exam.parquet")
    row = {"question_id": 2, "doc_hash": "q2", "correct": False, "loglikelihoods": None}
    table = pa.Table.from_pylist([row | {"extracted": "12"}])
    pq.write_table(table, tmp_path / "sums.parquet")
    assert read_details(tmp_path, [EXAM, SUMS]) == {"exam": [CHOICE], "sums": [TEXT]}


def test_a_benchmark_without_answers_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="answers to 'exam'"):
        read_samples(tmp_path, [EXAM])
    with pytest.raises(HarnessError, match="answers to 'exam'"):
        read_details(tmp_path, [EXAM])
