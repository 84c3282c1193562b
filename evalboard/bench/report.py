"""The results of a measurement as JSON, as Markdown, and as rows of a table. Pure."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, NamedTuple

from evalboard.bench.programs import FANOUT, FRESH, HF, OURS, VLLM

TITLES = {
    VLLM: "`lm_eval run --model vllm --batch_size auto`",
    HF: "`lm_eval run --model hf --batch_size {hf_batch_size}`",
    FANOUT: "the same on vLLM, a process per benchmark",
    OURS: "`evalboard evaluate`",
}
QUEUE_TITLES = {
    VLLM: "`lm_eval run --model vllm --batch_size auto`, a process per model",
    OURS: "`evalboard run --once`",
    FRESH: "the same, each engine fresh and with imports of its own",
}
ORCHESTRATION_GOAL_SECONDS = 10
MEMORY_GOAL_GB = 8
GENERATION_GOAL_PERCENT = 95
PARTS = {
    "start": "start: the engine's process, its imports, the questions",
    "load": "load: the model",
    "score": "score: all benchmarks",
    "store": "store: results and request",
    "overhead": "overhead: claim, states of the tasks, queue file",
}
ACCOUNT = {
    "around": "imports and checks",
    "start": "engine and questions",
    "load": "weights",
    "scores": "answers and scores",
}
COUNTS = {2: "Both", 3: "All three", 4: "All four"}
COLUMNS = ("", "seconds", "÷ ours", "scoring", "÷ ours")


@dataclass(frozen=True)
class CaseReport:
    """One case through all programs. Times in seconds of wall clock, by program."""

    name: str
    model: str
    """The first one, if there are several."""
    parameters: int
    benchmarks: int
    questions: int
    """Of all models together."""
    limit: int | None
    """Questions of each benchmark at most; None for all."""
    hf_batch_size: str
    """The best one, which was measured."""
    seconds: dict[str, float]
    """Whole processes."""
    scoring_seconds: dict[str, float]
    """In which a model was answering."""
    different_answers: dict[str, int]
    """Questions that a program answered otherwise than `lm_eval_vllm`."""
    largest_difference: float
    """Of two programs' log-likelihoods of the same choice."""
    account: dict[str, float] = field(default_factory=dict)
    """Where the time of ours went, by part of `ACCOUNT`."""
    models: int = 1
    """More than one: a queue of models of one shape."""
    between_seconds: dict[str, float] = field(default_factory=dict[str, float])
    """In a queue: mean time between one model's last answer and the next one's first."""

    @property
    def agree(self) -> bool:
        """Whether all programs gave the same answer to every single question."""
        return not any(self.different_answers.values())

    @property
    def ratios(self) -> dict[str, dict[str, float]]:
        """How many times longer than ours each program took, as whole processes and answering."""
        return {
            "seconds": _times_ours(self.seconds),
            "scoring_seconds": _times_ours(self.scoring_seconds),
        }

    def to_document(self) -> dict[str, Any]:
        """Return the case as JSON."""
        return {**asdict(self), "agree": self.agree, "ratios": self.ratios}


@dataclass(frozen=True)
class GenerationReport:
    """A generation of texts, in pairs of runs. Rates in generated tokens per second."""

    model: str
    parameters: int
    prompts: int
    tokens: int
    """Of each text."""
    throughput: list[float]
    """Of `vllm bench throughput`, pair by pair."""
    evalboard: list[float]

    @property
    def share(self) -> float:
        """Median of what ours reaches of vLLM's rate in a pair."""
        return median(
            ours / theirs for ours, theirs in zip(self.evalboard, self.throughput, strict=True)
        )

    def to_document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return {**asdict(self), "share": self.share}


@dataclass(frozen=True)
class PipelineReport:
    """What stands around the engine. Times in seconds of wall clock."""

    model: str
    questions: int
    seconds: float
    """Whole process of `evalboard run --once`."""
    account: dict[str, float]
    """Where the evaluation says its time went: `start`, `load`, `score`, `store`, `overhead`,
    `total`."""
    memory_gb: float
    """Peak of `evalboard up` during the evaluation: proportional set sizes of the process tree."""
    processes: int
    """At that peak."""

    @property
    def around_seconds(self) -> float:
        """Before and after the evaluation: imports, servers, poll, checks, board."""
        return self.seconds - self.account["total"]

    @property
    def orchestration_seconds(self) -> float:
        """Of the process, neither loading nor scoring."""
        return self.seconds - self.account["load"] - self.account["score"]


@dataclass(frozen=True)
class Report:
    """One run of `evalboard bench`."""

    time: str
    """UTC."""
    command: str
    """That was given."""
    machine: dict[str, Any]
    versions: dict[str, str]
    precision: str
    max_length: int
    """In tokens."""
    cases: list[CaseReport] = field(default_factory=list)
    generation: GenerationReport | None = None
    pipeline: PipelineReport | None = None


class Row(NamedTuple):
    """One program of a case, as text."""

    title: str
    seconds: str
    ratio: str
    scoring_seconds: str
    scoring_ratio: str


def to_json(report: Report) -> str:
    """Return the report as a JSON document."""
    document = {**asdict(report), "cases": [case.to_document() for case in report.cases]}
    if report.generation:
        document["generation"] = report.generation.to_document()
    return json.dumps(document, indent=2) + "\n"


def to_markdown(report: Report) -> str:
    """Return the report as a page."""
    lines = _head(report)
    for case in report.cases:
        lines += ["", *_case(case)]
    if report.generation:
        lines += ["", "## Generation", "", *generation_lines(report.generation)]
    if report.pipeline:
        lines += ["", "## The pipeline around it", "", *pipeline_lines(report.pipeline)]
    return "\n".join(lines) + "\n"


def rows(case: CaseReport) -> list[Row]:
    """Return one row per program."""
    ratios, titles = case.ratios, QUEUE_TITLES if case.models > 1 else TITLES
    return [
        Row(
            titles[program].format(hf_batch_size=case.hf_batch_size),
            f"{case.seconds[program]:.1f}",
            "" if program == OURS else f"{ratios['seconds'][program]:.1f}",
            f"{case.scoring_seconds[program]:.1f}",
            "" if program == OURS else f"{ratios['scoring_seconds'][program]:.1f}",
        )
        for program in case.seconds
    ]


def heading(case: CaseReport) -> str:
    """Return what a case is."""
    several = f"{case.models} models of " if case.models > 1 else ""
    return (
        f"{case.name}, {several}{case.parameters / 1e6:,.1f} million parameters: "
        f"{case.questions:,} questions of {case.benchmarks} benchmarks"
    )


def verdict(case: CaseReport) -> str:
    """Return whether the programs agree."""
    if case.agree:
        said = f"{COUNTS[len(case.seconds)]} programs gave the same answer to every question"
    else:
        counts = ", ".join(f"{name} {n}" for name, n in case.different_answers.items() if n)
        said = f"Answers that differ from those of {VLLM}: {counts}"
    return f"{said}. Largest difference between log-likelihoods: {case.largest_difference:.2g}."


def time_line(case: CaseReport) -> str:
    """Return where the time of ours went; of a queue, how long a change of the model took."""
    if case.models > 1:
        ours, fresh = (case.between_seconds[program] for program in (OURS, FRESH))
        return (
            "Between one model's last answer and the next one's first: "
            f"{ours:.1f} s, with fresh engines {fresh:.1f} s."
        )
    parts = [f"{text} {case.account[part]:.1f} s" for part, text in ACCOUNT.items()]
    return f"`evalboard evaluate`: {', '.join(parts)}."


def generation_lines(generation: GenerationReport) -> list[str]:
    """Return the rates of a generation, as Markdown."""
    pairs = zip(generation.throughput, generation.evalboard, strict=True)
    return [
        f"{generation.parameters / 1e6:,.1f} million parameters: {generation.prompts:,} texts of "
        f"{generation.tokens} tokens, sampled, without end tokens. Generated tokens per second:",
        "",
        "| pair | `vllm bench throughput` | `evalboard evaluate` | share |",
        "|---:|---:|---:|---:|",
        *(
            f"| {number} | {theirs:,.0f} | {ours:,.0f} | {100 * ours / theirs:.0f} % |"
            for number, (theirs, ours) in enumerate(pairs, start=1)
        ),
        "",
        f"Median share: {100 * generation.share:.0f} % (goal: at least {GENERATION_GOAL_PERCENT} %).",
    ]


def pipeline_lines(pipeline: PipelineReport) -> list[str]:
    """Return the account of the pipeline and its memory, as Markdown."""
    parts = [f"| {text} | {pipeline.account[part]:.1f} | |" for part, text in PARTS.items()]
    return [
        f"A request for `{pipeline.model}` in an empty queue: {pipeline.questions:,} questions.",
        "",
        "| part of `evalboard run --once` | seconds | goal |",
        "|---|---:|---:|",
        *parts,
        "| around it: imports, Prefect's server, Ray, poll, checks, board "
        f"| {pipeline.around_seconds:.1f} | |",
        f"| **whole process** | {pipeline.seconds:.1f} | |",
        f"| **orchestration**: all but load and score | {pipeline.orchestration_seconds:.1f} "
        f"| ≤ {ORCHESTRATION_GOAL_SECONDS} |",
        "",
        "| | peak | goal |",
        "|---|---:|---:|",
        "| memory of `evalboard up` during that: server, Ray, worker, engine, viewer "
        f"({pipeline.processes} processes) | {pipeline.memory_gb:.1f} GB | < {MEMORY_GOAL_GB} GB |",
        "",
        "Sum of the proportional set sizes (PSS) over the process tree, sampled twice a second.",
    ]


def _times_ours(seconds: Mapping[str, float]) -> dict[str, float]:
    return {name: taken / seconds[OURS] for name, taken in seconds.items() if name != OURS}


def _head(report: Report) -> list[str]:
    machine, versions = report.machine, report.versions
    gpus = ", ".join(machine["gpus"]) or "no GPU"
    return [
        "# How fast it is",
        "",
        f"Written by `{report.command}` from one run on one machine. No test checks the numbers. "
        "All programs get the same model, questions, precision, context length and threads, and on "
        "vLLM the prefix cache. All write every answer to a file.",
        "",
        "*seconds*: the whole process from start to end. *scoring*: the time in which the model "
        "answers, measured by the same stopwatch inside each program. *÷ ours*: how many times "
        "longer than evalboard, which is the row without a ratio.",
        "",
        f"- **When:** {report.time}",
        f"- **Machine:** {machine['processors']} × {machine['processor']}, "
        f"{machine['memory_gib']} GiB, {gpus}; {machine['platform']}",
        f"- **Versions:** {', '.join(f'{name} {value}' for name, value in versions.items())}",
        f"- **Models:** Llamas of random weights in {report.precision}, at most "
        f"{report.max_length:,} tokens of context",
    ]


def _case(case: CaseReport) -> list[str]:
    return [
        f"## {heading(case)}",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---|---:|---:|---:|---:|",
        *(f"| {' | '.join(row)} |" for row in rows(case)),
        "",
        verdict(case),
        *(["", time_line(case)] if case.account or case.between_seconds else []),
    ]
