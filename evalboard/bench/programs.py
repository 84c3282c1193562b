"""The ways of evaluating that are measured, as commands. Each lm_eval gets its best flags. Pure."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evalboard.bench.cases import Case, plain_task
from evalboard.bench.material import MAX_LENGTH, Material
from evalboard.suites.model import Benchmark

VLLM, HF, FANOUT, OURS = "lm_eval_vllm", "lm_eval_hf", "lm_eval_fanout", "evalboard"
FRESH = "evalboard_fresh"
PROGRAMS = (VLLM, HF, FANOUT, OURS)
QUEUE_PROGRAMS = (VLLM, OURS, FRESH)
BATCH_SIZES = ("8", "16", "32")
"""Of transformers' own generation of batches; the best of them is measured."""


def vllm_command(
    material: Material, case: Case, benchmarks: Iterable[Benchmark], output: Path
) -> list[str]:
    """Return `lm_eval run` on vLLM."""
    model: dict[str, Any] = {"max_model_len": MAX_LENGTH, "enable_prefix_caching": True}
    if material.device == "cpu":
        model |= {"enforce_eager": True, "distributed_executor_backend": "uni"}
    else:
        model |= {"gpu_memory_utilization": material.settings.gpu_memory_fraction}
    return [
        *_lm_eval(material, case, "vllm", model),
        *("--batch_size", "auto"),
        *_questions(material, case, benchmarks, output, case.limit),
    ]


def hf_command(
    material: Material, case: Case, output: Path, *, batch_size: str, limit: int | None
) -> list[str]:
    """Return `lm_eval run` on transformers."""
    return [
        *_lm_eval(material, case, "hf", {"max_length": MAX_LENGTH}),
        *("--device", material.device, "--batch_size", batch_size),
        *_questions(material, case, material.benchmarks(case), output, limit),
    ]


def our_command(material: Material, case: Case, output: Path) -> list[str]:
    """Return `evalboard evaluate`, with the backend of the settings."""
    words = [sys.executable, "-m", "evalboard", "evaluate", case.model]
    words += ["--precision", material.precision, "--suite", case.suite]
    words += ["--benchmarks", ",".join(case.benchmarks), "--num-fewshot", str(case.num_fewshot)]
    words += [] if case.limit is None else ["--limit", str(case.limit)]
    return [*words, "--output", str(output)]


def _lm_eval(material: Material, case: Case, backend: str, more: dict[str, Any]) -> list[str]:
    model = {"pretrained": material.model_folder(case), "dtype": material.precision, **more}
    arguments = ",".join(f"{name}={value}" for name, value in model.items())
    return [sys.executable, "-m", "lm_eval", "run", "--model", backend, "--model_args", arguments]


def _questions(
    material: Material,
    case: Case,
    benchmarks: Iterable[Benchmark],
    output: Path,
    limit: int | None,
) -> list[str]:
    """Return what is asked, and where the answers go, which ours writes as well."""
    words = ["--include_path", str(material.task_folder(case))]
    words += ["--tasks", ",".join(plain_task(benchmark) for benchmark in benchmarks)]
    words += [] if limit is None else ["--limit", str(limit)]
    return [*words, "--output_path", str(output), "--log_samples"]
