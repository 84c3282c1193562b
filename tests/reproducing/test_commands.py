import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lm_eval._cli.run import Run

from evalboard.errors import ConfigError
from evalboard.records.result import ModelConfig
from evalboard.reproducing.commands import Place, PlainRun, plain_commands, usual_backend
from evalboard.reproducing.tasks import PlainTask
from evalboard.suites.model import Benchmark

SHA = "a" * 40
ANATOMY = PlainTask("exam", Benchmark(key="exam", title="Exam"), "exam")
SUMS = PlainTask("sums", Benchmark(key="sums", title="Sums", num_fewshot=5), "plain_sums")


def run_of(
    *,
    backend: str = "hf",
    engine: dict[str, Any] | None = None,
    limit: int | None = None,
    **config: Any,
) -> PlainRun:
    fields = {
        "model_name": "lab/tiny",
        "model_sha": SHA,
        "model_dtype": "float32",
        "backend": backend,
        "backend_version": "5",
        "lm_eval_version": "0.4.13",
    }
    return PlainRun(
        config=ModelConfig.model_validate(fields | config),
        model=Place("lab/tiny", SHA),
        base=Place("lab/base", "b" * 40),
        engine=engine or {},
        backend=backend,
        tasks=Path("/tasks"),
        output=Path("/output"),
        limit=limit,
    )


@pytest.fixture(scope="module")
def parse() -> Callable[[list[str]], argparse.Namespace]:
    """Return lm_eval's own reading of a command."""
    parser = argparse.ArgumentParser()
    Run(parser.add_subparsers())
    return parser.parse_args


def test_lm_eval_reads_the_command_as_it_is_meant(
    parse: Callable[[list[str]], argparse.Namespace],
) -> None:
    chosen = run_of(engine={"max_length": 512}, use_chat_template=True, limit=3)
    (words,) = plain_commands(chosen, [ANATOMY])
    read = parse(words)
    assert read.model == "hf"
    assert read.model_args == {
        "pretrained": "lab/tiny",
        "revision": SHA,
        "dtype": "float32",
        "enable_thinking": False,
        "max_length": 512,
    }
    assert (read.tasks, read.num_fewshot, read.limit) == (["exam"], 0, 3)
    assert (read.apply_chat_template, read.fewshot_as_multiturn) == (True, True)
    assert (read.log_samples, read.output_path, read.include_path) == (True, "/output", None)


def test_there_is_one_command_for_each_number_of_examples(
    parse: Callable[[list[str]], argparse.Namespace],
) -> None:
    none, five = map(parse, plain_commands(run_of(), [SUMS, ANATOMY]))
    assert (none.tasks, none.num_fewshot, none.include_path) == (["exam"], 0, None)
    assert (five.tasks, five.num_fewshot, five.include_path) == (["plain_sums"], 5, "/tasks")


def test_thinking_names_its_end_and_stands_before_words_only(
    parse: Callable[[list[str]], argparse.Namespace],
) -> None:
    thinker = run_of(use_chat_template=True, enable_thinking=True, think_end_token="</think>")
    words = ANATOMY._replace(name="words", writes=True)
    ranked, written = map(parse, plain_commands(thinker, [words, ANATOMY]))
    assert (ranked.tasks, written.tasks) == (["exam"], ["words"])
    assert ranked.model_args["enable_thinking"] is False
    assert "think_end_token" not in ranked.model_args
    arguments = written.model_args
    assert (arguments["enable_thinking"], arguments["think_end_token"]) == (True, "</think>")


def test_vllm_runs_on_the_device_that_the_row_had(
    parse: Callable[[list[str]], argparse.Namespace],
) -> None:
    on_gpus = run_of(backend="vllm", engine={"device": "cuda", "tensor_parallel": 2})
    on_cpu = run_of(backend="vllm", engine={"device": "cpu", "tensor_parallel": 1})
    gpus, cpu = (parse(plain_commands(run, [ANATOMY])[0]).model_args for run in (on_gpus, on_cpu))
    assert gpus["tensor_parallel_size"] == 2
    assert "enforce_eager" not in gpus
    assert cpu["enforce_eager"] is True
    assert "tensor_parallel_size" not in cpu


def test_an_adapter_is_put_on_its_base_by_transformers() -> None:
    adapter = run_of(weight_type="Adapter")
    (words,) = plain_commands(adapter, [ANATOMY])
    assert {"pretrained=lab/base", "peft=lab/tiny"} < set(words)
    assert usual_backend(run_of(backend="vllm", weight_type="Adapter").config) == "hf"
    with pytest.raises(ConfigError, match="--backend hf"):
        plain_commands(run_of(backend="vllm", weight_type="Adapter"), [ANATOMY])


def test_a_precision_that_plain_lm_eval_cannot_load_is_refused() -> None:
    with pytest.raises(ConfigError, match="no argument for the precision '8bit'"):
        plain_commands(run_of(model_dtype="8bit"), [ANATOMY])
