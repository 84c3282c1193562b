import json
from dataclasses import replace

import pytest

from evalboard.bench.machine import installed_versions, processor_name
from evalboard.bench.report import (
    CaseReport,
    GenerationReport,
    PipelineReport,
    Report,
    heading,
    rows,
    time_line,
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
    account={"around": 3.1, "start": 7.0, "load": 2.5, "scores": 87.4},
)
QUEUE_KEYS = ["lm_eval_vllm", "evalboard", "evalboard_fresh"]
QUEUE = replace(
    CASE,
    name="open-medical queue",
    questions=4500,
    limit=100,
    hf_batch_size="",
    seconds=dict(zip(QUEUE_KEYS, [700.0, 140.0, 189.0], strict=True)),
    scoring_seconds=dict(zip(QUEUE_KEYS, [550.0, 110.0, 110.0], strict=True)),
    different_answers={"evalboard": 0, "evalboard_fresh": 0},
    models=5,
    between_seconds={"evalboard": 1.54, "evalboard_fresh": 20.0},
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


def test_two_programs_are_compared_where_only_two_ran() -> None:
    pair = ("lm_eval_vllm", "evalboard")
    case = replace(
        CASE,
        seconds={name: CASE.seconds[name] for name in pair},
        scoring_seconds={name: CASE.scoring_seconds[name] for name in pair},
        different_answers={"evalboard": 0},
        hf_batch_size="",
    )
    assert [row[1:3] for row in rows(case)] == [("600.0", "6.0"), ("100.0", "")]
    assert verdict(case).startswith("Both programs gave the same answer to every question. ")


def test_the_page_says_where_our_time_went(report: Report) -> None:
    line = (
        "`evalboard evaluate`: imports and checks 3.1 s, engine and questions 7.0 s, weights 2.5 s, "
        "answers and scores 87.4 s."
    )
    assert line in to_markdown(report)


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


def test_a_queue_is_told_as_one_of_several_models(report: Report) -> None:
    assert heading(QUEUE) == (
        "open-medical queue, 5 models of 15.6 million parameters: 4,500 questions of 9 benchmarks"
    )
    assert [row[0] for row in rows(QUEUE)][1] == "`evalboard run --once`"
    assert [row[1:] for row in rows(QUEUE)] == [
        ("700.0", "5.0", "550.0", "5.0"),
        ("140.0", "", "110.0", ""),
        ("189.0", "1.4", "110.0", "1.0"),
    ]
    assert verdict(QUEUE).startswith("All three programs gave the same answer to every question. ")
    assert time_line(QUEUE) == (
        "Between one model's last answer and the next one's first: 1.5 s, with fresh engines 20.0 s."
    )
    (case,) = json.loads(to_json(replace(report, cases=[QUEUE])))["cases"]
    assert list(case["seconds"]) == QUEUE_KEYS
    assert case["agree"] is True


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


def test_a_generation_is_the_median_of_its_pairs(report: Report) -> None:
    generation = GenerationReport(
        model="random/llama-15M",
        parameters=15_606_016,
        prompts=384,
        tokens=64,
        throughput=[1000.0, 1000.0, 2000.0],
        evalboard=[900.0, 980.0, 2000.0],
    )
    assert generation.share == pytest.approx(0.98)
    whole = replace(report, generation=generation)
    assert json.loads(to_json(whole))["generation"]["share"] == pytest.approx(0.98)
    assert "| 1 | 1,000 | 900 | 90 % |" in to_markdown(whole)
    assert "Median share: 98 % (goal: at least 95 %)." in to_markdown(whole)
