import json
from typing import Any

import pytest

from evalboard.errors import RecordError
from evalboard.importing.results import Origin, read_results
from evalboard.records.reported import ReportedRow, ReportedScore
from evalboard.suites.model import Benchmark, Suite

SUITE = Suite(
    name="small",
    title="Small",
    benchmarks=(
        Benchmark(key="medqa_4options", title="MedQA"),
        Benchmark(key="mmlu_anatomy", title="MMLU Anatomy"),
    ),
)
ORIGIN = Origin("org/model/results_2024.json", "")
TEMPLATE = {"model_name": "org/model", "model_sha": "abc", "model_dtype": "torch.float16"}


def read(document: dict[str, Any] | str) -> tuple[ReportedRow, list[str]]:
    text = document if isinstance(document, str) else json.dumps(document)
    notes: list[str] = []
    return read_results(text, SUITE, ORIGIN, notes.append), notes


def test_the_file_of_a_template_is_read_whole() -> None:
    entries = {
        "medqa_4options": {"acc,none": 0.5, "acc_stderr,none": 0.01},
        "mmlu_anatomy": {"acc,none": 0.25, "acc_stderr,none": 0.02},
    }
    row, notes = read({"config": TEMPLATE, "results": entries})
    assert (row.model, row.revision, row.precision) == ("org/model", "abc", "float16")
    assert row.kind == "imported"
    assert row.scores == {
        "medqa_4options": ReportedScore(value=0.5, stderr=0.01),
        "mmlu_anatomy": ReportedScore(value=0.25, stderr=0.02),
    }
    assert notes == []


def test_the_first_template_and_its_old_names_of_tasks_are_read() -> None:
    task = "harness|hendrycksTest-anatomy|5"
    entries = {task: {"acc": 0.4, "acc_stderr": 0.1}, "all": {"acc": 0.4}}
    row, notes = read({"config_general": TEMPLATE, "results": entries})
    assert row.scores == {"mmlu_anatomy": ReportedScore(value=0.4, stderr=0.1)}
    assert row.setting == "5-shot"
    assert any("is taken for 'mmlu_anatomy'" in note for note in notes)
    assert notes[-1] == "Kept and not shown, no benchmarks of this suite: all."


@pytest.mark.parametrize(
    "arguments",
    ["pretrained=org/model,dtype=bfloat16", {"pretrained": "org/model", "dtype": "bfloat16"}],
)
def test_lm_eval_names_its_model_in_its_arguments(arguments: Any) -> None:
    entries = {"mmlu_anatomy": {"acc,none": 0.4, "acc_stderr,none": 0.1}}
    config = {"model": "hf", "model_args": arguments}
    row, _ = read({"config": config, "results": entries, "n-shot": {"mmlu_anatomy": 0}})
    assert (row.model, row.precision, row.setting) == ("org/model", "bfloat16", "0-shot")


def test_a_file_without_a_name_has_that_of_its_folder() -> None:
    row, notes = read({"results": {"mmlu_anatomy": {"acc,none": 0.4, "acc_stderr,none": 0.1}}})
    assert row.model == "org/model"
    assert "does not name its model" in notes[0]


@pytest.mark.parametrize(
    ("entry", "score", "said"),
    [
        ({"acc,none": 0.4}, ReportedScore(value=0.4), "no standard error."),
        ({"acc,none": 0.4, "acc_stderr,none": "N/A"}, ReportedScore(value=0.4), "error ('N/A')"),
        ({"acc,none": "0.4"}, ReportedScore(value=0.4), "is the text '0.4'"),
        ({"acc": 0.4}, ReportedScore(value=0.4), "metric 'acc' is taken for 'acc,none'"),
        ({"accuracy": 0.4}, ReportedScore(value=0.4), "metric 'accuracy' is taken"),
        (0.4, ReportedScore(value=0.4), "one value without a metric"),
        (
            {"acc,none": 40.0, "acc_stderr,none": 2.0},
            ReportedScore(value=0.4, stderr=0.02),
            "taken for percent",
        ),
    ],
)
def test_what_an_author_wrote_otherwise_is_read_and_said(
    entry: Any, score: ReportedScore, said: str
) -> None:
    row, notes = read({"config": TEMPLATE, "results": {"mmlu_anatomy": entry}})
    assert row.scores == {"mmlu_anatomy": score}
    assert any(said in note for note in notes)


@pytest.mark.parametrize(
    ("value", "said"),
    [("NaN", "'NaN', which is no number"), ("n/a", "no number"), (-0.1, "share"), (300, "share")],
)
def test_a_score_that_is_none_is_left_out_and_the_others_stay(value: Any, said: str) -> None:
    entries = {"mmlu_anatomy": {"acc,none": value}, "medqa_4options": {"acc,none": 0.5}}
    row, notes = read({"config": TEMPLATE, "results": entries})
    assert list(row.scores) == ["medqa_4options"]
    assert any(said in note for note in notes)


def test_nan_that_is_not_json_is_read() -> None:
    text = '{"results": {"mmlu_anatomy": {"acc": NaN}, "medqa": {"acc,none": 0.5}}}'
    row, notes = read(text)
    assert list(row.scores) == ["medqa_4options"]
    assert any("is nan, which is no number" in note for note in notes)


def test_another_metric_is_never_taken_for_the_suites_own() -> None:
    with pytest.raises(RecordError, match="no score on a benchmark"):
        read({"config": TEMPLATE, "results": {"mmlu_anatomy": {"acc_norm,none": 0.4}}})


def test_a_part_of_the_questions_is_no_score() -> None:
    counts = {"mmlu_anatomy": {"original": 135, "effective": 10}}
    entries = {"mmlu_anatomy": {"acc,none": 0.4}, "medqa_4options": {"acc,none": 0.5}}
    row, notes = read({"config": TEMPLATE, "results": entries, "n-samples": counts})
    assert list(row.scores) == ["medqa_4options"]
    assert any("asked 10 of 135 questions" in note for note in notes)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"results": []}', "[" * 100_000])
def test_other_files_are_refused_with_a_reason(text: str) -> None:
    with pytest.raises(RecordError, match=r"results_2024\.json"):
        read(text)
