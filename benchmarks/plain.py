"""Run `lm_eval` by itself on the same model and questions: what a person would do by hand."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from benchmarks.material import MAX_LENGTH, PRECISION, Material
from evalboard.cli.services import Services
from evalboard.engine.definitions import definition, task_manager
from evalboard.engine.environment import environment
from evalboard.errors import DataMissing
from evalboard.suites.model import Benchmark

BATCH_SIZES = {"vllm": "auto", "hf": "16"}
PREFIX = "plain_"


class PlainRun(NamedTuple):
    """One whole process of `lm_eval run`."""

    seconds: float
    scores: dict[str, float]
    """By benchmark key, fractions in [0, 1]."""


def run_plain(material: Material, backend: str) -> PlainRun:
    """Run `lm_eval run` on all benchmarks, in a process of its own.

    Raises:
        ConfigError: The program failed; the message names its log.
        DataMissing: The mirror has not the questions of a benchmark.
    """
    run = f"plain-{backend}"
    folder = material.folder / run
    tasks = write_tasks(material, folder / "tasks")
    # The engine's own variables: without them vLLM dies on many CPUs, and compiles for 14 s.
    variables = environment(
        device=material.device,
        cpu_kv_cache_gib=material.settings.cpu_kv_cache_gib,
        offline=material.settings.offline,
    )
    with Services(folder, material.environment(run, **variables)) as services:
        started = time.monotonic()
        services.run(run, command(material, backend, tasks, folder / "out"))
        seconds = time.monotonic() - started
    (document,) = (folder / "out").rglob("results_*.json")
    results = json.loads(document.read_text(encoding="utf-8"))["results"]
    return PlainRun(
        seconds,
        {b.key: results[PREFIX + b.task_name][b.metric] for b in material.suite.benchmarks},
    )


def command(material: Material, backend: str, tasks: Path, output: Path) -> list[str]:
    """Return the command, with the model loaded as our engine loads it."""
    model: dict[str, Any] = {"pretrained": material.model_folder, "dtype": PRECISION}
    if backend == "hf":
        model |= {"max_length": MAX_LENGTH}
    elif material.device == "cpu":
        model |= {"max_model_len": MAX_LENGTH, "enforce_eager": True}
        model |= {"distributed_executor_backend": "uni"}
    else:
        fraction = material.settings.gpu_memory_fraction
        model |= {"max_model_len": MAX_LENGTH, "gpu_memory_utilization": fraction}
    words = [sys.executable, "-m", "lm_eval", "run", "--model", backend]
    words += ["--model_args", ",".join(f"{name}={value}" for name, value in model.items())]
    words += ["--batch_size", BATCH_SIZES[backend], "--output_path", str(output)]
    words += ["--include_path", str(tasks)]
    if backend == "hf":
        words += ["--device", material.device]
    return [*words, "--tasks", ",".join(PREFIX + b.task_name for b in material.suite.benchmarks)]


def write_tasks(material: Material, folder: Path) -> Path:
    """Write a task file per benchmark that reads its questions from the mirror."""
    folder.mkdir(parents=True)
    benchmarks = material.suite.benchmarks
    manager = task_manager([b.task_name for b in benchmarks], own=material.suite.tasks)
    for benchmark in benchmarks:
        raw = definition(manager, benchmark.task_name)
        task = mirrored_task(
            benchmark,
            raw,
            definition_file=Path(str(manager.task_index[benchmark.task_name].yaml_path)),
            mirror=Path(str(material.settings.datasets)),
        )
        path = folder / f"{benchmark.key}.yaml"
        path.write_text(yaml.safe_dump(task), encoding="utf-8")
    return folder


def mirrored_task(
    benchmark: Benchmark, raw: Mapping[str, Any], *, definition_file: Path, mirror: Path
) -> dict[str, Any]:
    """Return a task that differs from its definition in name, few-shots and data source only.

    Args:
        benchmark: What is asked.
        raw: The definition.
        definition_file: Where the definition lies.
        mirror: Folder with questions, `{repo}/{config or default}/{split}.parquet`.

    Raises:
        DataMissing: The mirror has not the questions.
    """
    source = mirror / raw["dataset_path"] / (raw.get("dataset_name") or "default")
    files = {path.stem: str(path) for path in sorted(source.glob("*.parquet"))}
    evaluation = raw.get("test_split") or raw.get("validation_split")
    if evaluation not in files:
        raise DataMissing(
            f"Benchmark {benchmark.key!r}: there is no {evaluation}.parquet in {str(source)!r}. "
            "Put it there, or unset EVALBOARD_DATASETS to measure on the demo's questions."
        )
    absent = [
        name for name in raw if name.endswith("_split") and raw[name] and raw[name] not in files
    ]
    return {
        "include": str(definition_file),
        "task": PREFIX + benchmark.task_name,
        "num_fewshot": benchmark.num_fewshot,
        "dataset_path": "parquet",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": files},
        **dict.fromkeys(absent),
    }
