"""Killed at any moment and started again, an evaluation gives the same files, bit for bit.

The run is killed, then the engine of the next run. What is finished or answered is not done again.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from evalboard.cli.queue_round import work
from evalboard.engine.streaming import QUESTIONS_PER_BLOCK
from evalboard.intake.submission import Submission, submit
from evalboard.records.precision import Precision
from evalboard.records.request import Status
from evalboard.records.result import ResultDocument
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_queue
from tests.pipeline.questions import QUESTIONS, slice_and_whole
from tests.pipeline.runs import (
    DEADLINE_SECONDS,
    answers_in,
    engines_of,
    kill_with_children,
    let_go,
    start_run,
    wait_until,
)

BENCHMARKS = ("medqa_4options", "mmlu_clinical_knowledge")
SLICE = QUESTIONS_PER_BLOCK + 8
"""Questions of each, whose answers are computed a block at a time."""


@pytest.fixture
def model(models: Path) -> str:
    """Make a model that takes long enough to be killed while it works; return its name."""
    size, layers = 128, 2
    config = AutoConfig.from_pretrained(models / "test" / "random")
    config.update({"hidden_size": size, "intermediate_size": 3 * size, "head_dim": size // 4})
    config.num_hidden_layers = layers
    config.num_attention_heads = config.num_key_value_heads = 4
    torch.manual_seed(3)
    name = f"test/larger-{size}"
    AutoModelForCausalLM.from_config(config).save_pretrained(models / name)
    for file in ("README.md", "tokenizer.json", "tokenizer_config.json"):
        (models / name / file).write_bytes((models / "test" / "random" / file).read_bytes())
    return name


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "two.yaml"
    listed = "".join(f"  - {{key: {key}, title: {key}, baseline: 0.25}}\n" for key in BENCHMARKS)
    path.write_text(f"name: two\ntitle: Two\nbenchmarks:\n{listed}", encoding="utf-8")
    return path


@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("prefect_server", "ray")
@pytest.mark.parametrize("datasets", slice_and_whole(SLICE), indirect=True)
def test_killed_runs_give_the_same_files(
    configure: Callable[..., Settings],
    suite: Path,
    datasets: Path,
    model: str,
    shared_server: str,
    tmp_path: Path,
) -> None:
    asked: dict[str, Any] = {"suite": str(suite), "max_running": 1, "datasets": datasets}
    undisturbed = configure(**places(tmp_path, "undisturbed"), **asked)
    submit(Submission(model=model, precision=Precision.FLOAT32), undisturbed)
    assert [ended.status for ended in work(undisturbed)] == [Status.FINISHED]

    asked["prefect_api_url"] = shared_server
    settings = configure(**places(tmp_path, "killed"), **asked)
    path = submit(Submission(model=model, precision=Precision.FLOAT32), settings).request_path
    assert path is not None
    chance = random.Random()
    questions = {key: len(QUESTIONS[key].read(datasets)) for key in BENCHMARKS}
    moments = sorted(chance.sample(range(1, sum(questions.values()) - 300), 2))

    first = start_run(settings, hold="keep=2")
    wait_until(lambda: answer_count(settings, questions) >= moments[0], first)
    kill_with_children(first)
    known = answer_count(settings, questions)
    assert known >= moments[0]
    assert open_queue(settings).get(path).status is Status.RUNNING
    finished = finished_benchmarks(settings)

    left = len(BENCHMARKS) - len(finished)
    second = start_run(settings, hold=f"keep={left}")
    moment = min(max(moments[1], known + 1), sum(questions.values()))
    wait_until(
        lambda: answer_count(settings, questions) >= moment and bool(engines_of(second)), second
    )
    (engine,) = engines_of(second)
    engine.kill()
    let_go(settings)
    assert second.wait(DEADLINE_SECONDS) == 0, moments

    record = open_queue(settings).get(path)
    assert record.status is Status.FINISHED
    assert record.evalboard.attempts == 2
    assert answers(settings) == answers(undisturbed), moments
    document = result(settings)
    assert document.results == result(undisturbed).results
    assert set(document.evalboard.seconds.score) == set(BENCHMARKS) - finished, moments
    assert answer_count(settings, questions) == 0


def places(folder: Path, name: str) -> dict[str, object]:
    """Return settings for stores of their own."""
    stores = {store: str(folder / name / store) for store in ("requests", "results", "board")}
    return {"home": folder / name, "work": folder / name / "work", **stores}


def answer_count(settings: Settings, questions: dict[str, int]) -> int:
    """Return how many questions' answers are kept or belong to finished benchmarks.

    Args:
        settings: With the work folder.
        questions: Number of each benchmark.
    """
    finished = finished_benchmarks(settings)
    count = sum(questions[key] for key in finished)
    for file in (settings.work_folder / "answers").glob("*.jsonl"):
        if file.name.split("-")[0] not in finished:
            with suppress(FileNotFoundError):  # finished meanwhile
                count += file.read_bytes().count(b"\n") // 4
    return count


def finished_benchmarks(settings: Settings) -> set[str]:
    return {file.name.split("-")[0] for file in (settings.work_folder / "outcomes").glob("*.json")}


def answers(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Return every column of every answer, by benchmark."""
    return answers_in(Path(settings.store_address("results")) / "details")


def result(settings: Settings) -> ResultDocument:
    (document,) = open_archive(settings).read().documents
    return document
