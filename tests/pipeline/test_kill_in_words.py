"""Killed while a model answers in words on vLLM, an evaluation keeps what was finished.

When vLLM hands out a finished text is written down inside the engine's process, apart from its answers.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from evalboard.engine.benchmarks.answer_log import AnswerLog
from evalboard.engine.streaming import Answer, GeneratedText
from evalboard.intake.submission import Submission, submit
from evalboard.records.precision import Precision
from evalboard.records.request import Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from tests.pipeline import finishing
from tests.pipeline.runs import (
    DEADLINE_SECONDS,
    answers_in,
    kill_with_children,
    start,
    wait_until,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

QUESTIONS = 2000
"""More than vLLM computes at a time, and more than a fast machine answers before some are old."""
LIMIT_TOKENS = 600
LONGEST_LOSS_SECONDS = 5.0
TASK = {
    "task": "stories",
    "dataset_path": "clinic/stories",
    "output_type": "generate_until",
    "test_split": "test",
    "doc_to_text": "{{question}}",
    "doc_to_target": "{{answer}}",
    "generation_kwargs": {
        "until": ["z"],
        "max_gen_toks": LIMIT_TOKENS,
        "do_sample": True,
        "temperature": 1.0,
    },
    "metric_list": [{"metric": "exact_match"}],
    "metadata": {"version": 1.0},
}
"""Texts of random lengths: a model of random weights writes a `z` sooner or later."""
SUITE = {
    "name": "stories",
    "title": "Stories",
    "tasks": "tasks",
    "benchmarks": [
        {"key": "stories", "title": "Stories", "metric": "exact_match,none", "baseline": 0.0}
    ],
}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite of one benchmark, with its questions in `mirror`."""
    questions, tasks = tmp_path / "mirror" / "clinic" / "stories" / "default", tmp_path / "tasks"
    for folder in (questions, tasks):
        folder.mkdir(parents=True)
    rows = [{"question": f"Story {n}:", "answer": "no"} for n in range(QUESTIONS)]
    pq.write_table(pa.Table.from_pylist(rows), questions / "test.parquet")
    (tasks / "stories.yaml").write_text(yaml.safe_dump(TASK), encoding="utf-8")
    path = tmp_path / "stories.yaml"
    path.write_text(yaml.safe_dump(SUITE), encoding="utf-8")
    return path


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "watch"
    finishing.install(folder)
    places = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(places))
    return folder


def test_a_killed_run_goes_on_from_the_texts_that_were_finished(
    configure: Callable[..., Settings],
    suite: Path,
    watch: Path,
    shared_server: str,
    tmp_path: Path,
) -> None:
    settings = configure(
        suite=str(suite),
        datasets=tmp_path / "mirror",
        max_running=1,
        prefect_api_url=shared_server,
    )
    path = submit(
        Submission(model="test/random", precision=Precision.FLOAT32), settings
    ).request_path
    assert path is not None

    first = start(settings, "run", "--once", is_alone=True)
    wait_until(lambda: old_answers(watch) > 0 and has_kept(settings), first)
    kill_with_children(first)
    kept = known(settings)
    assert 0 < len(kept) <= len(finishing.finished(watch)) < QUESTIONS

    second = start(settings, "run", "--once", is_alone=True)
    assert second.wait(DEADLINE_SECONDS) == 0
    assert open_queue(settings).get(path).status is Status.FINISHED
    (rows,) = answers_in(Path(settings.store_address("results")) / "details").values()
    assert len(rows) == QUESTIONS
    texts = {row["raw"][0] if isinstance(row["raw"], list) else row["raw"] for row in rows}
    assert {answer.raw for answer in kept.values() if isinstance(answer, GeneratedText)} <= texts


def old_answers(watch: Path) -> int:
    """Return how many texts were finished so long ago that they are kept, unless the machine is busy."""
    now = time.monotonic()
    return sum(end < now - LONGEST_LOSS_SECONDS for end in finishing.finished(watch))


def has_kept(settings: Settings) -> bool:
    files = (settings.work_folder / "answers").glob("*.jsonl")
    return any(file.read_bytes().count(b"\n") > 1 for file in files)


def known(settings: Settings) -> dict[str, Answer]:
    """Return the answers that are kept."""
    (file,) = (settings.work_folder / "answers").glob("*.jsonl")
    with AnswerLog(file) as log:
        return dict(log.known())
