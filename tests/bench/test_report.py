import json
from dataclasses import replace

import pytest

from evalboard.bench.machine import installed_versions, processor_name
from evalboard.bench.report import (
    CaseReport,
    PipelineReport,
    Report,
    heading,
    rows,
    to_json,
    to_markdown,
    verdict,
)

KEYS = ["lm_eval_vllm", "lm_eval_hf", "lm_eval_fanout", "evalboard"]
CASE = CaseReport(
    name="open-medical 0-shot",
    model="random/llama-15M",
    parameters=15_606_016,
    benchmarks=9,
    questions=7045,
    limit=None,
    hf_batch_size="16",
    seconds=dict(zip(KEYS, [600.0, 180.0, 840.0, 100.0], strict=True)),
    scoring_seconds=dict(zip(KEYS, [560.0, 160.0, 580.0, 70.0], strict=True)),
    different_answers={"lm_eval_hf": 0, "lm_eval_fanout": 0, "evalboard": 0},
    largest_difference=2.9e-6,
)
PIPELINE = PipelineReport(
    model="random/llama-15M",
    questions=7045,
    seconds=150.0,
    account={
        "start": 6.0,
        "load": 15.0,
        "score": 120.5,
        "store": 0.1,
        "overhead": 1.0,
        "total": 142.6,
    },
    memory_gb=5.25,
    processes=17,
)


@pytest.fixture
def report() -> Report:
    return Report(
        time="2026-11-21T10:00:00Z",
        command="evalboard bench --pipeline",
        machine={
            "platform": "Linux",
            "processor": "A Processor",
            "processors": 2,
            "memory_gib": 15.6,
            "gpus": [],
        },
        versions={"lm_eval": "0.4.13"},
        precision="float32",
        max_length=4096,
        cases=[CASE],
        pipeline=PIPELINE,
    )


def test_json_has_the_agreed_shape(report: Report) -> None:
    document = json.loads(to_json(report))
    (case,) = document["cases"]
    assert case["name"] == "open-medical 0-shot"
    assert (case["questions"], case["model"]) == (7045, "random/llama-15M")
    assert list(case["seconds"]) == list(case["scoring_seconds"]) == KEYS
    assert case["agree"] is True
    assert case["ratios"]["seconds"] == {
        "lm_eval_vllm": 6.0,
        "lm_eval_hf": 1.8,
        "lm_eval_fanout": 8.4,
    }
    assert case["ratios"]["scoring_seconds"]["lm_eval_vllm"] == 8.0
    assert document["pipeline"]["memory_gb"] == 5.25


def test_a_run_without_the_pipeline_says_so(report: Report) -> None:
    alone = replace(report, pipeline=None)
    assert json.loads(to_json(alone))["pipeline"] is None
    assert "evalboard run --once" not in to_markdown(alone)


def test_one_different_answer_is_no_agreement() -> None:
    case = replace(CASE, different_answers=CASE.different_answers | {"lm_eval_hf": 1})
    assert not case.agree
    assert case.to_document()["agree"] is False
    assert "lm_eval_vllm: lm_eval_hf 1. " in verdict(case)
    assert verdict(CASE).startswith("All four programs gave the same answer to every question. ")


def test_every_program_is_set_beside_ours() -> None:
    assert [row[1:] for row in rows(CASE)] == [
        ("600.0", "6.0", "560.0", "8.0"),
        ("180.0", "1.8", "160.0", "2.3"),
        ("840.0", "8.4", "580.0", "8.3"),
        ("100.0", "", "70.0", ""),
    ]
    assert rows(CASE)[1].title == "`lm_eval run --model hf --batch_size 16`"


def test_a_case_says_how_large_it_is() -> None:
    assert heading(CASE) == (
        "open-medical 0-shot, 15.6 million parameters: 7,045 questions of 9 benchmarks"
    )


def test_the_page_names_its_command_and_the_machine(report: Report) -> None:
    page = to_markdown(report)
    assert "Written by `evalboard bench --pipeline`" in page
    assert "2 × A Processor, 15.6 GiB, no GPU; Linux" in page
    machine = {**report.machine, "gpus": ["Some GPU", "Some GPU"]}
    assert "Some GPU, Some GPU" in to_markdown(replace(report, machine=machine))


def test_the_page_accounts_for_every_second_of_the_pipeline(report: Report) -> None:
    page = to_markdown(report)
    assert "| score: all benchmarks | 120.5 | |" in page
    assert "Ray, poll, checks, board | 7.4 | |" in page
    assert "all but load and score | 14.5 | ≤ 10 |" in page
    assert "(17 processes) | 5.2 GB | < 8 GB |" in page


def test_every_table_of_the_page_is_whole(report: Report) -> None:
    table: list[int] = []
    for line in [*to_markdown(report).splitlines(), ""]:
        if line.startswith("|"):
            table.append(line.count("|"))
        else:
            assert len(set(table)) <= 1
            table = []


def test_versions_name_what_the_times_depend_on() -> None:
    assert {"evalboard", "python", "lm_eval", "vllm", "prefect", "ray"} <= set(installed_versions())


def test_the_processor_has_a_name() -> None:
    assert processor_name().strip()
