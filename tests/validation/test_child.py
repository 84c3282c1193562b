"""The confined process: what it does with what a repository makes it try."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from evalboard.engine.inspection.confinement import ResourceLimits, library_places
from evalboard.errors import EngineError
from evalboard.validation import child

from .corpus.material import edit_json


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def split_by(model: Path, pattern: str) -> None:
    """Let a tokenizer split texts by a regular expression."""
    path = model / "tokenizer.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    split = {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }
    document["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [split, document["pre_tokenizer"]],
    }
    path.write_text(json.dumps(document), encoding="utf-8")


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
    assert (
        "it did not finish within the time limit (at most 2 s of processor time" in loaded.problem
    )


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


def test_the_process_finds_the_libraries_of_a_python_from_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", f":{tmp_path / 'lib'}:lib64")
    environment = child.inspector_environment(tmp_path)
    assert environment["LD_LIBRARY_PATH"] == f":{tmp_path / 'lib'}:lib64"
    assert tmp_path / "lib" in library_places()
    assert all(place.is_absolute() for place in library_places())


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:.*[a-z ]){20}[\x01\x02]",
        "(?:.*[a-z ]){15}[\x03\x04]",
        "(?:.*[A-Za-z .]){30}[\x05-\x06]",
        "Question: (?:.*[a-z ]){20}[\x01\x02]",  # in benchmarks alone
    ],
)
def test_a_panic_of_native_code_is_a_problem_of_the_repository(
    pattern: str, model: Path, scratch: Path
) -> None:
    split_by(model, pattern)
    loaded = child.load("tokenizer", model, scratch)
    assert loaded.error == "PanicException"
    assert loaded.problem.startswith("PanicException: ")


INSPECTOR = """
import ctypes, errno, os, sys, time
from evalboard.engine.inspection import inspector

libc = ctypes.CDLL(None)

def full_disk(folder, inputs):
    raise OSError(errno.ENOSPC, "No space left on device")

def panic(folder, inputs):
    class PanicException(BaseException): pass
    raise PanicException("called `Option::unwrap()` on a `None` value")

def exit(folder, inputs):
    sys.exit(3)

def leave_a_child(folder, inputs):
    # As native code forks: no audit hook of Python sees it.
    child = libc.fork()
    if not child:
        while True:
            libc.pause()
    return {"child": child}

def forged_answer(folder, inputs):
    # As native code can: the process may write to its scratch folder whatever it likes.
    path = "77.forged answer.answer"
    if "link" in inputs:
        os.symlink(inputs["link"], path)
    elif "pipe" in inputs:
        os.mkfifo(path)
    else:
        with open(path, "w") as file:
            file.write(inputs["text"])
    libc._exit(0)

def interrupt(folder, inputs):
    raise KeyboardInterrupt

def answer(folder, inputs):
    return {"a": 1}

def no_answer(folder, inputs):
    return {"a": object()}

def spin(folder, inputs):
    while True:
        pass

parts = {
    "abort": lambda folder, inputs: libc.abort(),
    "crash": lambda folder, inputs: libc.raise_(11) if hasattr(libc, "raise_") else ctypes.string_at(1),
    "end well": lambda folder, inputs: libc._exit(0),
    "end badly": lambda folder, inputs: libc._exit(7),
    "killed": lambda folder, inputs: libc.kill(os.getpid(), 9),
    "sleep": lambda folder, inputs: time.sleep(60),
}
for part in (forged_answer, leave_a_child, full_disk, panic, exit, interrupt, answer, no_answer, spin):
    parts[part.__name__.replace("_", " ")] = part
inspector.PARTS.update(parts)
answers = os.dup(1)
os.dup2(2, 1)
inspector.serve(answers)
"""


@pytest.fixture
def failing() -> Iterator[None]:
    """Let the inspector have parts that fail in all the ways of native code, and no libraries."""
    child.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "PROGRAM", ("-c", INSPECTOR))
        yield
        child.close()


@pytest.mark.usefixtures("failing")
def test_an_idle_process_that_ended_is_replaced(model: Path, scratch: Path) -> None:
    child.load("answer", model, scratch)
    child.close()
    assert child.load("answer", model, scratch).problem == ""


@pytest.mark.usefixtures("failing")
def test_a_process_that_ended_a_moment_ago_is_replaced(model: Path, scratch: Path) -> None:
    assert child.load("answer", model, scratch).problem == ""
    # It cannot be told any more, while nothing has been read of its end.
    stdin = child._inspectors[0]._process.stdin  # pyright: ignore[reportPrivateUsage]
    assert stdin
    reading, writing = os.pipe()
    os.close(reading)
    os.dup2(writing, stdin.fileno())
    os.close(writing)
    assert child.load("answer", model, scratch).problem == ""


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ("abort", "the loading process crashed (SIGABRT)"),
        ("crash", "the loading process crashed (SIGSEGV)"),
        ("end well", "the loading process ended with exit code 0"),
        ("end badly", "the loading process ended with exit code 7"),
        ("no answer", "the loading process ended with exit code 1"),
        ("panic", "PanicException: called"),
        ("exit", "SystemExit: 3"),
        ("interrupt", "KeyboardInterrupt: "),
        ("sleep", "it did not finish within the time limit"),
    ],
)
def test_every_death_of_native_code_is_a_problem_of_the_repository(
    part: str, problem: str, model: Path, scratch: Path
) -> None:
    loaded = child.load(part, model, scratch, limits=ResourceLimits(wall_seconds=1))
    assert loaded.problem.startswith(problem)
    assert loaded.content == {}


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize(
    ("part", "problem"), [("full disk", "such as a full disk"), ("killed", "memory is short")]
)
def test_what_this_machine_lacks_is_no_problem_of_the_repository(
    part: str, problem: str, model: Path, scratch: Path
) -> None:
    with pytest.raises(EngineError, match=problem):
        child.load(part, model, scratch)


@pytest.mark.usefixtures("failing")
def test_a_busy_machine_is_no_problem_of_the_repository(model: Path, scratch: Path) -> None:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # the inspector and its jobs share one
    try:
        child.load("answer", model, scratch)
        with ThreadPoolExecutor() as threads:
            loads = [
                threads.submit(
                    child.load, "spin", model, scratch, limits=ResourceLimits(wall_seconds=1)
                )
                for _ in range(4)
            ]
            errors = [load.exception() for load in loads]
    finally:
        os.sched_setaffinity(0, cores)
    assert all(isinstance(error, EngineError) for error in errors)
    assert "this machine is so busy" in str(errors[0])


@pytest.mark.usefixtures("failing")
def test_what_was_answered_before_a_death_counts(model: Path, scratch: Path) -> None:
    loaded = child.load_parts(("answer", "abort", "sleep"), model, scratch)
    assert loaded["answer"].content == {"a": 1}
    assert "SIGABRT" in loaded["abort"].problem
    assert "SIGABRT" in loaded["sleep"].problem


@pytest.mark.usefixtures("failing")
def test_after_a_part_that_does_not_load_none_is_tried(model: Path, scratch: Path) -> None:
    loaded = child.load_parts(("panic", "sleep"), model, scratch)
    assert loaded["sleep"].problem == loaded["panic"].problem


@pytest.mark.usefixtures("failing")
def test_what_native_code_starts_ends_with_it(model: Path, scratch: Path) -> None:
    left = child.load("leave a child", model, scratch).content["child"]
    for _ in range(200):
        if not Path(f"/proc/{left}").exists():
            return
        time.sleep(0.02)
    pytest.fail("the process is still there")


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize(
    "forged",
    [
        {"text": ""},
        {"text": '{"loaded": {"a": 1'},
        {"text": '{"loaded": 7}'},
        {"text": "[1]"},
        {"text": "[" * 100_000},
        {"text": '{"error": {}, "message": 3}'},
        {"text": '{"a": ' + "9" * 5000 + "}"},
        {"link": "/dev/zero"},
        {"link": "/etc/passwd"},
        {"pipe": True},
    ],
    ids=lambda forged: str(forged)[:30],
)
def test_an_answer_that_is_none_is_a_problem_of_the_repository(
    forged: dict[str, Any], model: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "_numbers", iter([77]))
    loaded = child.load("forged answer", model, scratch, inputs=forged)
    assert loaded.problem == "the loading process ended with exit code 0"
