"""The confined process: what it does with what a repository makes it try."""

import os
from pathlib import Path

import pytest

from evalboard.engine.inspection.confinement import ResourceLimits
from evalboard.errors import EngineError
from evalboard.validation import child

from .corpus.material import edit_json


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_parts_are_loaded(model: Path, scratch: Path) -> None:
    loaded = child.load("config", model, scratch)
    assert loaded.problem == ""
    assert loaded.content["architectures"] == ["LlamaForCausalLM"]
    assert 0 < loaded.peak_bytes < 2 * 10**9


def test_one_repository_sees_nothing_of_another(model: Path, base: Path, scratch: Path) -> None:
    edit_json(base / "config.json", vocab_size=999)
    first, second = (child.load("config", folder, scratch) for folder in (base, model))
    assert (first.content["vocab_size"], second.content["vocab_size"]) == (999, 258)


def test_what_takes_too_long_is_a_problem_of_the_repository(model: Path, scratch: Path) -> None:
    template = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    (model / "chat_template.jinja").write_text(template, encoding="utf-8")
    loaded = child.load("template", model, scratch, limits=ResourceLimits(cpu_seconds=2))
    assert loaded.timed_out
    assert loaded.problem == "it did not finish within the time limit"


def test_what_waits_for_ever_is_ended_too(model: Path, scratch: Path) -> None:
    loaded = child.load("model", model, scratch, limits=ResourceLimits(wall_seconds=0))
    assert loaded.timed_out


def test_what_takes_too_much_memory_is_a_problem_of_the_repository(
    model: Path, scratch: Path
) -> None:
    (model / "chat_template.jinja").write_text("{{ 'a' * 3000000000 }}", encoding="utf-8")
    loaded = child.load("template", model, scratch)
    assert loaded.error == "MemoryError"
    assert loaded.peak_bytes < 2 * 10**9


def test_a_part_that_there_is_not_is_no_problem_of_the_repository(
    model: Path, scratch: Path
) -> None:
    with pytest.raises(EngineError) as caught:
        child.load("no such part", model, scratch)
    assert "Traceback" in caught.value.log_tail


def test_the_process_sees_no_token_and_no_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    environment = child.inspector_environment(tmp_path)
    assert "hf_secret" not in environment.values()
    assert environment["HF_HUB_OFFLINE"] == "1"


def test_an_idle_process_that_ended_is_replaced(model: Path, scratch: Path) -> None:
    child.load("config", model, scratch)
    child.close()
    assert child.load("config", model, scratch).problem == ""


def test_a_process_that_ended_a_moment_ago_is_replaced(model: Path, scratch: Path) -> None:
    assert child.load("config", model, scratch).problem == ""
    # It cannot be told any more, while nothing has been read of its end.
    stdin = child._inspectors[0]._process.stdin  # pyright: ignore[reportPrivateUsage]
    assert stdin
    reading, writing = os.pipe()
    os.close(reading)
    os.dup2(writing, stdin.fileno())
    os.close(writing)
    assert child.load("config", model, scratch).problem == ""
