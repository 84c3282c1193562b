"""The measurements: questions, number of examples, and model. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from evalboard.suites.model import Benchmark, Suite

SIZES = ("15M", "50M", "1B", "8B")
"""Models, by their number of parameters; see `evalboard.bench.models`."""
SIZES_OF_DEVICE = {"cpu": ("15M", "50M"), "cuda": ("1B",)}
ZERO_SHOT, FIVE_SHOT, QUEUE, GENERATION = "0-shot", "5-shot", "queue", "generation"
KINDS = (ZERO_SHOT, FIVE_SHOT, QUEUE, GENERATION)
USUAL_KINDS = (ZERO_SHOT, FIVE_SHOT)
"""Measured if none is named."""
FEWSHOTS = {ZERO_SHOT: 0, FIVE_SHOT: 5, QUEUE: 0, GENERATION: 0}
MODELS = {ZERO_SHOT: 1, FIVE_SHOT: 1, QUEUE: 5, GENERATION: 1}
PLAIN = "plain_"
"""Beginning of the names of tasks in files that this project writes for plain `lm_eval`."""
QUICK_LIMITS = {ZERO_SHOT: 200, FIVE_SHOT: 20, QUEUE: 20, GENERATION: 64}
"""Questions of each benchmark, or prompts, in a quick run."""
OF_FIRST_SIZE = (QUEUE, GENERATION)
"""Measured with models of the first size only."""
QUICK_SUBJECTS = 2
"""Subjects of MMLU with examples in a quick run: each costs the fan-out the start of an engine."""


class Case(NamedTuple):
    """One model, or several of one shape, on some questions."""

    name: str
    """Ends with its kind."""
    suite: str
    """Its shipped name."""
    benchmarks: tuple[str, ...]
    """Keys in the suite."""
    num_fewshot: int
    limit: int | None
    """Ask only the first so many questions of each benchmark; None for all. Of a generation: prompts."""
    size: str
    """One of `SIZES`."""
    models: int = 1
    """Number of models. Several wait in one queue."""
    number: int = 0
    """Of the model among those of its size, which have other weights each."""

    @property
    def model(self) -> str:
        """Name of the model in the models mirror."""
        return model_name(self.size, self.number)

    @property
    def is_queue(self) -> bool:
        """Whether several models wait."""
        return self.models > 1

    @property
    def is_generation(self) -> bool:
        """Whether texts are generated; the benchmarks only lend their questions."""
        return self.name.endswith(GENERATION)

    def of_each_model(self) -> list["Case"]:
        """Return the case of each of its models alone."""
        return [self._replace(models=1, number=self.number + n) for n in range(self.models)]

    @property
    def folder(self) -> str:
        """Name of the folder for its runs."""
        return f"{self.name} {self.size}".replace(" ", "-")


def model_name(size: str, number: int = 0) -> str:
    """Return the name of a model in the models mirror."""
    return f"random/llama-{size}" + (f"-{number}" if number else "")


def plain_task(benchmark: Benchmark) -> str:
    """Return the name of a benchmark's task in the files that plain `lm_eval` reads."""
    return PLAIN + benchmark.task_name


def plan_cases(
    suite: Suite, *, kinds: Iterable[str], sizes: Iterable[str], quick: bool, limit: int | None
) -> list[Case]:
    """Return the cases in the order in which they are measured: the small model's first, a generation last.

    Args:
        suite: `open-medical`, or `demo` where its questions cannot be had.
        kinds: Some of `KINDS`.
        sizes: Some of `SIZES`.
        quick: Take few questions.
        limit: Questions per benchmark where another number than these is wanted.
    """
    keys = tuple(benchmark.key for benchmark in suite.benchmarks)
    # Examples come from the development split, which in the medical suite only MMLU has.
    mmlu = tuple(key for key in keys if key.startswith("mmlu_"))
    questions = {
        ZERO_SHOT: (suite.name, keys),
        FIVE_SHOT: ("mmlu", mmlu[:QUICK_SUBJECTS] if quick else mmlu)
        if mmlu
        else (suite.name, keys),
        QUEUE: (suite.name, keys),
        GENERATION: (suite.name, keys),
    }
    sizes = list(sizes)
    cases = [
        Case(
            name=f"{questions[kind][0]} {kind}",
            suite=suite.name,
            benchmarks=questions[kind][1],
            num_fewshot=FEWSHOTS[kind],
            limit=limit or (QUICK_LIMITS[kind] if quick else None),
            size=size,
            models=MODELS[kind],
        )
        for size in sizes
        for kind in kinds
        if kind not in OF_FIRST_SIZE or size == sizes[0]
    ]
    return sorted(cases, key=lambda case: case.is_generation)
