"""Measure how full the engine is while it generates: `evalboard evaluate` beside `vllm bench throughput`.

Both get the same prompts and write the same number of tokens for each, sampled at temperature 1 as the bench
of vLLM does, with no end token. They run in turn, and each pair of runs gives a ratio. What is compared is
the generation alone: the time that vLLM's bench says, and our model's time inside `generate_until`, from the
texts of the prompts to the texts of the answers.
"""

import json
import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from evalboard.bench.cases import Case
from evalboard.bench.material import MAX_LENGTH, Material
from evalboard.bench.measuring import run
from evalboard.bench.report import GenerationReport
from evalboard.errors import HarnessError
from evalboard.services import Services

PROMPTS = 384
"""More than vLLM computes at a time on a CPU (256)."""
TOKENS = 64
"""That each answer has."""
PAIRS = 5
NAME = "bench_texts"
"""Of the benchmark and its task."""
PROMPT_CHARACTERS = (200, 1000)
"""Length of the texts that become prompts: at least 4 and at most 1,024 tokens, as vLLM's bench wants."""
REPOSITORY = "bench/texts"
TASK = {
    "task": NAME,
    "dataset_path": REPOSITORY,
    "output_type": "generate_until",
    "test_split": "test",
    "doc_to_text": "{{prompt}}",
    "doc_to_target": "",
    "generation_kwargs": {
        "until": [],
        "max_gen_toks": TOKENS,
        "do_sample": True,
        "temperature": 1.0,
        "ignore_eos": True,
    },
    "metric_list": [{"metric": "exact_match"}],
    "metadata": {"version": 1.0},
}

SUITE = {
    "name": NAME.replace("_", "-"),
    "title": "Texts",
    "tasks": "tasks",
    "benchmarks": [{"key": NAME, "title": "Texts", "metric": "exact_match,none", "baseline": 0.0}],
}


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
        prompts=_number_of_prompts(case),
        tokens=TOKENS,
        throughput=[theirs.per_second for theirs, _ in pairs],
        evalboard=[ours.per_second for _, ours in pairs],
    )


def write_prompts(material: Material, case: Case, texts: Iterable[str]) -> None:
    """Write the prompts of a case for both programs, and our suite.

    Args:
        material: The material.
        case: The case. Its limit is the number of prompts.
        texts: Texts of the questions.

    Raises:
        HarnessError: There are too few texts.
    """
    _write(_folder(material, case), choose_prompts(texts, _number_of_prompts(case)))


def choose_prompts(texts: Iterable[str], number: int) -> list[str]:
    """Return different texts of the length of a question.

    Raises:
        HarnessError: There are too few.
    """
    least, most = PROMPT_CHARACTERS
    fitting = dict.fromkeys(text for text in texts if least <= len(text) <= most)
    chosen = list(islice(fitting, number))
    if len(chosen) < number:
        raise HarnessError(
            f"Only {len(chosen)} of the questions' texts have {least} to {most} characters, and "
            f"{number} are needed. Use --limit."
        )
    return chosen


def throughput_command(material: Material, case: Case, folder: Path) -> list[str]:
    """Return `vllm bench throughput`, which writes its result to `folder / "out.json"`."""
    words = [sys.executable, "-m", "vllm.entrypoints.cli.main", "bench", "throughput"]
    words += ["--model", str(material.model_folder(case)), "--dtype", material.precision]
    words += ["--max-model-len", str(MAX_LENGTH), "--enable-prefix-caching"]
    words += [
        "--dataset-name",
        "sharegpt",
        "--dataset-path",
        str(_folder(material, case) / "prompts.json"),
    ]
    words += ["--num-prompts", str(_number_of_prompts(case)), "--output-len", str(TOKENS)]
    words += ["--output-json", str(folder / "out.json")]
    if material.device == "cpu":
        return [*words, "--enforce-eager"]
    return [*words, "--gpu-memory-utilization", str(material.settings.gpu_memory_fraction)]


def _number_of_prompts(case: Case) -> int:
    return case.limit or PROMPTS


def _folder(material: Material, case: Case) -> Path:
    return material.folder / "runs" / case.folder


def _write(folder: Path, prompts: list[str]) -> None:
    mirror, tasks = folder / "mirror" / REPOSITORY / "default", folder / "tasks"
    for place in (mirror, tasks):
        place.mkdir(parents=True)
    pq.write_table(pa.table({"prompt": prompts}), mirror / "test.parquet")
    (tasks / f"{NAME}.yaml").write_text(yaml.safe_dump(TASK), encoding="utf-8")
    (folder / "suite.yaml").write_text(yaml.safe_dump(SUITE), encoding="utf-8")
    chats = [{"conversations": [{"value": prompt}, {"value": ""}]} for prompt in prompts]
    (folder / "prompts.json").write_text(json.dumps(chats), encoding="utf-8")


def _pair(material: Material, case: Case, number: int) -> tuple[Rate, Rate]:
    folder = _folder(material, case)
    theirs = _throughput(material, case, folder / f"throughput-{number}")
    return theirs, _ours(material, case, folder / f"evalboard-{number}")


def _throughput(material: Material, case: Case, folder: Path) -> Rate:
    with Services(folder, material.environment(folder)) as services:
        services.run("log", throughput_command(material, case, folder))
    said = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    if left_out := _number_of_prompts(case) - said["num_requests"]:
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
    tokens = pq.read_table(answers, columns=["tokens"]).column("tokens").combine_chunks()
    return Rate(sum(tokens.flatten().to_pylist()), taken.scoring_seconds)
