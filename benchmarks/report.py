"""What was measured, as Markdown and as JSON."""

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.plain import BATCH_SIZES
from evalboard import __version__

DISTRIBUTIONS = ("lm_eval", "vllm", "torch", "transformers", "prefect", "ray")
ORCHESTRATION_GOAL_SECONDS = 10
MEMORY_GOAL_GB = 8
PARTS = {
    "start": "start: the engine's process, its imports, the questions",
    "load": "load: the model",
    "score": "score: all benchmarks",
    "store": "store: results and request",
    "overhead": "overhead: claim, states of the tasks, queue file",
}


@dataclass(frozen=True)
class Report:
    """One run of all measurements. Times in seconds of wall clock."""

    time: str
    """UTC."""
    machine: dict[str, Any]
    versions: dict[str, str]
    suite: str
    benchmarks: int
    questions: int
    device: str
    plain_seconds: dict[str, float]
    """Whole process of `lm_eval run`, by backend."""
    score_difference: float
    """Largest difference of a score between `lm_eval run --model vllm` and ours."""
    our_seconds: float
    account: dict[str, float]
    around_seconds: float
    orchestration_seconds: float
    peak_memory_gb: float
    peak_processes: int


def to_json(report: Report) -> str:
    """Return the report as a JSON document."""
    return json.dumps(asdict(report), indent=2) + "\n"


def to_markdown(report: Report) -> str:
    """Return the report as a page."""
    return "\n".join(
        (
            *_head(report),
            "",
            *_comparison(report),
            "",
            *_parts(report),
            "",
            "## Memory",
            "",
            "| | peak | goal |",
            "|---|---:|---:|",
            f"| `evalboard up` during one evaluation: server, Ray, worker, engine, viewer "
            f"({report.peak_processes} processes) | {report.peak_memory_gb:.1f} GB "
            f"| < {MEMORY_GOAL_GB} GB |",
            "",
            "Sum of the proportional set sizes (PSS) over the process tree, looked at twice a second.",
            "",
        )
    )


def installed_versions() -> dict[str, str]:
    """Return the versions that the times depend on."""
    found = {name: version(name) for name in DISTRIBUTIONS}
    return {"evalboard": __version__, "python": platform.python_version(), **found}


def processor_name() -> str:
    """Return what Linux calls the processor."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _head(report: Report) -> list[str]:
    machine, versions = report.machine, report.versions
    gpus = ", ".join(machine["gpus"]) or "no GPU"
    return [
        "# How fast the pipeline is",
        "",
        "Written by `make bench-pipeline`: one run on one machine. The goals are aims; no test "
        "holds them.",
        "",
        f"- **When:** {report.time}",
        f"- **Machine:** {machine['processors']} × {machine['processor']}, "
        f"{machine['memory_gib']} GiB, {gpus}; {machine['platform']}",
        f"- **Versions:** {', '.join(f'{name} {value}' for name, value in versions.items())}",
        f"- **Work:** suite `{report.suite}`, {report.benchmarks} benchmarks, "
        f"{report.questions:,} questions; a Llama of 12 million random weights, float32, "
        f"on `{report.device}`",
    ]


def _comparison(report: Report) -> list[str]:
    rows = [
        f"| `lm_eval run --model {backend} --batch_size {BATCH_SIZES[backend]}` | {seconds:.1f} "
        f"| {report.our_seconds / seconds:.2f} |"
        for backend, seconds in report.plain_seconds.items()
    ]
    return [
        "## Beside the plain call",
        "",
        "Whole processes, from start to end, each with empty caches of its own.",
        "",
        "| | seconds | ours / plain |",
        "|---|---:|---:|",
        *rows,
        f"| `evalboard run --once` (vLLM) | {report.our_seconds:.1f} | |",
        "",
        f"Largest difference of a score between plain vLLM and ours: {report.score_difference:g}.",
    ]


def _parts(report: Report) -> list[str]:
    rows = [f"| {text} | {report.account[part]:.1f} | |" for part, text in PARTS.items()]
    return [
        "## Where our time goes",
        "",
        "| part of `evalboard run --once` | seconds | goal |",
        "|---|---:|---:|",
        *rows,
        "| around it: imports, Prefect's server, Ray, poll, checks, board "
        f"| {report.around_seconds:.1f} | |",
        f"| **whole process** | {report.our_seconds:.1f} | |",
        f"| **orchestration**: all but load and score | {report.orchestration_seconds:.1f} "
        f"| ≤ {ORCHESTRATION_GOAL_SECONDS} |",
    ]
