"""The page "A benchmark of your own in ten minutes", followed to the letter."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from evalboard.cli import main
from evalboard.demo.models import make_letter_model
from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.suites.loader import load_suite

PAGE = Path(__file__).parents[2] / "docs" / "benchmark-of-your-own.md"
BLOCK = re.compile(r"(?:Write\s+`([^`]+)`:\s+)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Step(NamedTuple):
    """A block of the page."""

    kind: str
    """Its language: `sh` is to be run, `text` is what the command before prints."""
    file: str
    """The file to write, if any."""
    content: str


def steps() -> Iterator[Step]:
    for file, kind, content in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        yield Step(kind, file, content)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the page's files, after its first command."""
    monkeypatch.chdir(tmp_path)
    for step in steps():
        if step.file:
            place = tmp_path / step.file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(step.content, encoding="utf-8")
    subprocess.run([sys.executable, "questions.py"], check=True)
    return tmp_path


def test_the_page_has_the_steps_that_are_followed() -> None:
    assert [(step.kind, step.file) for step in steps()] == [
        ("python", "questions.py"),
        ("sh", ""),
        ("yaml", "tasks/first_aid.yaml"),
        ("yaml", "clinic.yaml"),
        ("sh", ""),
        ("text", ""),
        ("sh", ""),
    ]
    commands = [step.content.strip() for step in steps() if step.kind == "sh"]
    assert commands[0] == "python questions.py"


def test_the_check_prints_what_the_page_shows(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shown,) = (step.content for step in steps() if step.kind == "text")
    (command,) = (s.content for s in steps() if s.kind == "sh" and " check " in s.content)
    assert main(command.split()[1:]) == 0
    assert capsys.readouterr().out == shown


def test_the_benchmark_asks_the_questions_of_the_page(written: Path) -> None:
    suite = load_suite("clinic.yaml")
    library = TaskLibrary(
        suite.benchmarks, definitions=suite.tasks, mirror=written / "questions", offline=True
    )
    loaded = library.load(suite.benchmarks[0]).tasks[0]
    task: Any = loaded.task
    assert loaded.n_original == 3
    first = task.eval_docs[0]
    assert task.doc_to_text(first) == (
        "What stops most bleedings of a finger?\nA. Pressure\nB. Heat\nC. Salt\nAnswer:"
    )
    assert [task.doc_to_target(document) for document in task.eval_docs] == [0, 1, 2]


@pytest.mark.slow
def test_a_model_is_evaluated_on_it(written: Path) -> None:
    """A tiny model has the name of the page's: there is no network."""
    command = [step.content for step in steps() if step.kind == "sh"][-1]
    make_letter_model(written / "models" / "HuggingFaceTB" / "SmolLM2-135M")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "EVALBOARD_BACKEND": "hf",
        "EVALBOARD_MODELS": str(written / "models"),
        "EVALBOARD_OFFLINE": "true",
        "PREFECT_HOME": str(written / "prefect"),
    }
    subprocess.run(["sh", "-ec", command], cwd=written, env=environment, check=True)
    (answers,) = (written / "scores").rglob("first_aid.parquet")
    rows = pq.read_table(answers).to_pylist()
    assert [row["target"] for row in rows] == ["A", "B", "C"]
    assert [row["answer"] for row in rows] == ["A"] * 3  # the tiny model's favourite
