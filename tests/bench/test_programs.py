import sys
from pathlib import Path

import pytest

from evalboard.bench import programs
from evalboard.bench.cases import Case
from evalboard.bench.material import Material
from evalboard.cli.arguments import command_line

OUTPUT = Path("out")


def value_of(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def model_arguments(words: list[str]) -> dict[str, str]:
    return dict(word.split("=") for word in value_of(words, "--model_args").split(","))


def on_gpu(material: Material) -> Material:
    return material._replace(machine=material.machine | {"gpus": ["Some GPU"]})


def vllm_words(material: Material, case: Case) -> list[str]:
    return programs.vllm_command(material, case, material.benchmarks(case), OUTPUT)


def hf_words(material: Material, case: Case, **changes: object) -> list[str]:
    flags = {"batch_size": "16", "limit": 3, **changes}
    return programs.hf_command(material, case, OUTPUT, **flags)  # pyright: ignore[reportArgumentType]


def test_vllm_has_its_best_flags_on_a_cpu(material: Material, case: Case) -> None:
    words = vllm_words(material, case)
    assert words[:6] == [sys.executable, "-m", "lm_eval", "run", "--model", "vllm"]
    assert value_of(words, "--batch_size") == "auto"
    assert model_arguments(words) == {
        "pretrained": str(material.folder / "models/random/llama-15M"),
        "dtype": "float32",
        "max_model_len": "4096",
        "enable_prefix_caching": "True",
        "enforce_eager": "True",
        "distributed_executor_backend": "uni",
    }


def test_vllm_has_its_best_flags_on_a_gpu(material: Material, case: Case) -> None:
    arguments = model_arguments(vllm_words(on_gpu(material), case))
    assert arguments["dtype"] == "bfloat16"
    assert arguments["gpu_memory_utilization"] == "0.9"
    assert arguments["enable_prefix_caching"] == "True"
    assert "enforce_eager" not in arguments


def test_transformers_loads_the_same_model(material: Material, case: Case) -> None:
    words = hf_words(material, case)
    assert words[:6] == [sys.executable, "-m", "lm_eval", "run", "--model", "hf"]
    assert (value_of(words, "--batch_size"), value_of(words, "--device")) == ("16", "cpu")
    assert value_of(hf_words(on_gpu(material), case), "--device") == "cuda"
    of_vllm = model_arguments(vllm_words(material, case))
    assert model_arguments(words) == {
        "pretrained": of_vllm["pretrained"],
        "dtype": of_vllm["dtype"],
        "max_length": of_vllm["max_model_len"],
    }


def test_both_are_asked_the_same_and_write_every_answer(material: Material, case: Case) -> None:
    for words in (vllm_words(material, case), hf_words(material, case, limit=case.limit)):
        assert value_of(words, "--tasks") == "plain_demo_anatomy,plain_demo_abstracts"
        assert value_of(words, "--include_path") == str(material.folder / "tasks/demo-5-shot")
        assert value_of(words, "--limit") == "4"
        assert value_of(words, "--output_path") == "out"
        assert "--log_samples" in words


def test_a_process_of_the_fanout_is_asked_one_benchmark(material: Material, case: Case) -> None:
    words = programs.vllm_command(material, case, material.benchmarks(case)[1:], OUTPUT)
    assert value_of(words, "--tasks") == "plain_demo_abstracts"


def test_without_a_limit_everything_is_asked(material: Material, case: Case) -> None:
    everything = case._replace(limit=None)
    assert "--limit" not in vllm_words(material, everything)
    assert "--limit" not in hf_words(material, everything, limit=None)
    assert "--limit" not in programs.our_command(material, everything, OUTPUT)


def test_ours_is_a_command_that_the_command_line_takes(material: Material, case: Case) -> None:
    words = programs.our_command(material, case, OUTPUT)
    assert words[:4] == [sys.executable, "-m", "evalboard", "evaluate"]
    given = command_line().parse_args(words[3:])
    assert given.model == "random/llama-15M"
    assert (given.precision, given.suite) == ("float32", "demo")
    assert given.benchmarks == ("demo_anatomy", "demo_abstracts")
    assert (given.num_fewshot, given.limit, given.output) == (5, 4, OUTPUT)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_all_programs_run_with_the_same_variables(material: Material, device: str) -> None:
    material = on_gpu(material) if device == "cuda" else material
    one, other = (material.environment(material.folder / name) for name in ("one", "other"))
    assert {name for name in one if one[name] != other[name]} == {
        "EVALBOARD_BOARD",
        "EVALBOARD_HOME",
        "EVALBOARD_REQUESTS",
        "EVALBOARD_RESULTS",
        "EVALBOARD_WORK",
    }
    assert one["OMP_NUM_THREADS"] == "2"
    assert one["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"
    assert ("VLLM_CPU_OMP_THREADS_BIND" in one) == (device == "cpu")


def test_no_server_that_is_there_already_is_measured(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setenv("PREFECT_API_URL", "http://10.0.0.1:4200/api")
    variables = material.environment(material.folder)
    assert not {"RAY_ADDRESS", "PREFECT_API_URL"} & set(variables)
