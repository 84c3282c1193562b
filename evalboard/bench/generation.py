"""Measure how full the engine is while it generates: `evalboard evaluate` beside `vllm bench throughput`.

Both get the same prompts and write the same number of tokens for each, sampled at temperature 1 as the bench
of vLLM does, with no end token. They run in turn, and each pair of runs gives a ratio. What is compared is
the generation alone: the time that vLLM's bench says, and our model's time inside `generate_until`, from the
texts of the prompts to the texts of the answers.
"""

import json
import sys
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from evalboard.bench.cases import Case
from evalboard.bench.material import MAX_LENGTH, Material
from evalboard.bench.measuring import run
from evalboard.bench.prompts import TOKENS, number_of_prompts
from evalboard.bench.report import GenerationReport
from evalboard.errors import HarnessError
from evalboard.services import Services

PAIRS = 5


class Rate(NamedTuple):
    """The speed of one generation."""

    tokens: int
    """That were generated."""
    seconds: float

    @property
    def per_second(self) -> float:
        """Generated tokens per second."""
        return self.tokens / self.seconds


def measure_generation(material: Material, case: Case, parameters: int) -> GenerationReport:
    """Measure pairs of runs, one program after the other.

    Args:
        material: The material, with the case's model and prompts.
        case: The case.
        parameters: Number of the model's parameters.

    Raises:
        ConfigError: vLLM's bench failed.
        HarnessError: Our program failed, or a prompt was left out.
    """
    pairs = [_pair(material, case, number) for number in range(PAIRS)]
    return GenerationReport(
        model=case.model,
        parameters=parameters,
        prompts=number_of_prompts(case.limit),
        tokens=TOKENS,
        throughput=[theirs.per_second for theirs, _ in pairs],
        evalboard=[ours.per_second for _, ours in pairs],
    )


def throughput_command(material: Material, case: Case, folder: Path) -> list[str]:
    """Return `vllm bench throughput`, which writes its result to `folder / "out.json"`."""
    words = [sys.executable, "-m", "vllm.entrypoints.cli.main", "bench", "throughput"]
    words += ["--model", str(material.model_folder(case)), "--dtype", material.precision]
    words += ["--max-model-len", str(MAX_LENGTH), "--enable-prefix-caching"]
    words += [
        "--dataset-name",
        "sharegpt",
        "--dataset-path",
        str(material.run_folder(case) / "prompts.json"),
    ]
    words += ["--num-prompts", str(number_of_prompts(case.limit)), "--output-len", str(TOKENS)]
    words += ["--output-json", str(folder / "out.json")]
    if material.device == "cpu":
        return [*words, "--enforce-eager"]
    return [*words, "--gpu-memory-utilization", str(material.settings.gpu_memory_fraction)]


def _pair(material: Material, case: Case, number: int) -> tuple[Rate, Rate]:
    folder = material.run_folder(case)
    theirs = _throughput(material, case, folder / f"throughput-{number}")
    return theirs, _ours(material, case, folder / f"evalboard-{number}")


def _throughput(material: Material, case: Case, folder: Path) -> Rate:
    with Services(folder, material.environment(folder)) as services:
        services.run("log", throughput_command(material, case, folder))
    said = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    if left_out := number_of_prompts(case.limit) - said["num_requests"]:
        raise HarnessError(f"`vllm bench throughput` has left out {left_out} prompts.")
    return Rate(said["num_requests"] * TOKENS, said["elapsed_time"])


def _ours(material: Material, case: Case, folder: Path) -> Rate:
    settings = material.settings.model_copy(update={"datasets": folder.parent / "mirror"})
    output = folder / "out"
    command = [sys.executable, "-m", "evalboard", "evaluate", case.model]
    command += ["--precision", material.precision, "--suite", str(folder.parent / "suite.yaml")]
    command += ["--output", str(output)]
    taken = run(material._replace(settings=settings), command, folder)
    (answers,) = output.rglob("*.parquet")
    tokens = pq.read_table(answers, columns=["tokens"]).column("tokens")
    return Rate(sum(tokens.to_pylist()), taken.scoring_seconds)
