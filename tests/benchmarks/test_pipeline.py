import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from benchmarks.evaluation import Evaluation, time_account
from benchmarks.material import Material
from benchmarks.memory import free_ports, tree_memory
from benchmarks.plain import command, mirrored_task, write_tasks
from benchmarks.report import Report, installed_versions, to_json, to_markdown
from evalboard.attempt.model import Attempt, AttemptEnd, EvaluationRequest
from evalboard.attempt.report import markdown_report
from evalboard.demo.questions import write_datasets
from evalboard.errors import DataMissing
from evalboard.records.request import RequestRecord, Status
from evalboard.records.result import Seconds
from evalboard.settings import Settings
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Benchmark

BENCHMARK = Benchmark(key="some_exam", title="Some Exam", num_fewshot=3)
DEFINITION = Path("tasks/some_exam.yaml")
HELD_BYTES = 64 << 20


@pytest.fixture
def report() -> Report:
    account = {"start": 6.0, "load": 15.0, "score": 120.5, "store": 0.1, "overhead": 1.0}
    ours = Evaluation(150.0, {**account, "total": 142.6}, {"some_exam": 0.25}, 7045)
    return Report(
        time="2026-11-21T10:00:00Z",
        machine={
            "platform": "Linux",
            "processor": "A Processor",
            "processors": 2,
            "memory_gib": 15.6,
            "gpus": [],
        },
        versions={"lm_eval": "0.4.13"},
        suite="open-medical",
        benchmarks=9,
        questions=ours.questions,
        device="cpu",
        plain_seconds={"vllm": 600.0, "hf": 200.0},
        score_difference=0.0,
        our_seconds=ours.seconds,
        account=ours.account,
        around_seconds=ours.around,
        orchestration_seconds=ours.orchestration,
        peak_memory_gb=5.25,
        peak_processes=17,
    )


def material(folder: Path, device: str = "cpu") -> Material:
    datasets = folder / "datasets"
    write_datasets(datasets)
    settings = Settings(datasets=datasets)  # pyright: ignore[reportCallIssue]
    return Material(folder, settings, load_suite("demo"), device)


def test_the_page_sets_ours_beside_each_plain_call(report: Report) -> None:
    page = to_markdown(report)
    assert "| `lm_eval run --model vllm --batch_size auto` | 600.0 | 0.25 |" in page
    assert "| `lm_eval run --model hf --batch_size 16` | 200.0 | 0.75 |" in page
    assert "| `evalboard run --once` (vLLM) | 150.0 | |" in page


def test_the_page_accounts_for_every_second(report: Report) -> None:
    page = to_markdown(report)
    assert "| score: all benchmarks | 120.5 | |" in page
    assert "Ray, poll, checks, board | 7.4 | |" in page
    assert "all but load and score | 14.5 | ≤ 10 |" in page


def test_the_page_sets_memory_beside_its_goal(report: Report) -> None:
    assert "(17 processes) | 5.2 GB | < 8 GB |" in to_markdown(report)


def test_the_page_names_the_gpus(report: Report) -> None:
    assert "no GPU" in to_markdown(report)
    machine = {**report.machine, "gpus": ["Some GPU", "Some GPU"]}
    assert "Some GPU, Some GPU" in to_markdown(replace(report, machine=machine))


def test_every_table_of_the_page_is_whole(report: Report) -> None:
    table: list[int] = []
    for line in [*to_markdown(report).splitlines(), ""]:
        if line.startswith("|"):
            table.append(line.count("|"))
        else:
            assert len(set(table)) <= 1
            table = []


def test_json_holds_every_number(report: Report) -> None:
    document = json.loads(to_json(report))
    assert document["plain_seconds"] == {"vllm": 600.0, "hf": 200.0}
    assert document["orchestration_seconds"] == pytest.approx(14.5)
    assert document["peak_memory_gb"] == 5.25


def test_versions_name_what_the_times_depend_on() -> None:
    assert {"evalboard", "python", "lm_eval", "vllm", "prefect", "ray"} <= set(installed_versions())


def test_a_run_report_is_read_back() -> None:
    attempt = Attempt.model_construct(
        request=EvaluationRequest(model="org/model"),
        record=RequestRecord(model="org/model"),
        suite=load_suite("demo"),
    )
    seconds = Seconds(
        start=5.0,
        load=15.5,
        score={"demo_anatomy": 2.0, "demo_abstracts": 3.5},
        store=0.1,
        total=27,
    )
    end = AttemptEnd(status=Status.FINISHED, scores={"demo_anatomy": 0.5}, seconds=seconds)
    assert time_account(markdown_report(attempt, end)) == pytest.approx(
        {"start": 5.0, "load": 15.5, "score": 5.5, "store": 0.1, "overhead": 0.9, "total": 27.0}
    )


def test_a_mirrored_task_changes_the_source_and_keeps_the_definition(tmp_path: Path) -> None:
    source = tmp_path / "org" / "exams" / "some"
    source.mkdir(parents=True)
    (source / "test.parquet").touch()
    raw = {
        "dataset_path": "org/exams",
        "dataset_name": "some",
        "test_split": "test",
        "fewshot_split": "dev",
        "validation_split": None,
    }
    task = mirrored_task(BENCHMARK, raw, definition_file=DEFINITION, mirror=tmp_path)
    assert task == {
        "include": str(DEFINITION),
        "task": "plain_some_exam",
        "num_fewshot": 3,
        "dataset_path": "parquet",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": {"test": str(source / "test.parquet")}},
        "fewshot_split": None,
    }


def test_a_mirror_without_the_questions_is_refused(tmp_path: Path) -> None:
    raw = {"dataset_path": "org/exams", "test_split": "test"}
    with pytest.raises(DataMissing, match=r"no test\.parquet in .*exams/default"):
        mirrored_task(BENCHMARK, raw, definition_file=DEFINITION, mirror=tmp_path)


def test_lm_eval_loads_the_mirrored_tasks(tmp_path: Path) -> None:
    from lm_eval.tasks import TaskManager

    tasks = write_tasks(material(tmp_path), tmp_path / "tasks")
    manager = TaskManager(include_path=str(tasks), include_defaults=False)
    loaded = manager.load(["plain_demo_anatomy", "plain_demo_abstracts"])["tasks"]
    assert {name: len(task.eval_docs) for name, task in loaded.items()} == {
        "plain_demo_anatomy": 120,
        "plain_demo_abstracts": 120,
    }


def test_the_plain_call_loads_the_model_as_our_engine_does(tmp_path: Path) -> None:
    words = command(material(tmp_path), "vllm", tmp_path / "tasks", tmp_path / "out")
    arguments = words[words.index("--model_args") + 1]
    assert "dtype=float32" in arguments
    assert "max_model_len=2048" in arguments
    assert "enforce_eager=True" in arguments
    assert words[words.index("--batch_size") + 1] == "auto"


def test_memory_counts_what_a_process_and_its_descendants_hold() -> None:
    holder = f"held = b'x' * {HELD_BYTES}; print('ready', flush=True); input()"
    starter = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {holder!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        memory = tree_memory(psutil.Process(process.pid))
        process.communicate("\n")
    assert memory.processes == 2
    assert HELD_BYTES < memory.bytes < 2 * HELD_BYTES


def test_free_ports_differ() -> None:
    one, other = free_ports()
    assert one != other
