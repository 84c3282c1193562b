"""Run one program as a process of its own, and read the times and answers that it left."""

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from evalboard.bench import programs, stopwatch
from evalboard.bench.answers import Answers, read_details, read_samples
from evalboard.bench.cases import Case
from evalboard.bench.material import Material
from evalboard.errors import ConfigError, HarnessError
from evalboard.records.result import ResultDocument
from evalboard.services import Services

TRIAL_QUESTIONS = 64
"""Asked to find the best batch size: two batches of the largest."""


class Run(NamedTuple):
    """The duration of one process, in seconds of wall-clock time."""

    seconds: float
    """From start to end."""
    scoring_seconds: float
    """In which a model was answering; see `evalboard.bench.stopwatch`."""


class Measurement(NamedTuple):
    """The durations and answers of one way of evaluating, over all its processes."""

    run: Run
    answers: Answers
    batch_size: str = ""
    """Where several were tried: the best, which was measured."""
    account: Mapping[str, float] = MappingProxyType({})
    """Ours: seconds of wall clock from start to end, by part."""
    between_seconds: float | None = None
    """In a queue: the mean time between one model's last answer and the next one's first."""


def measure_vllm(material: Material, case: Case, folder: Path) -> Measurement:
    """Measure `lm_eval run --model vllm` on all benchmarks."""
    benchmarks = material.benchmarks(case)
    command = programs.vllm_command(material, case, benchmarks, folder / "out")
    return Measurement(run(material, command, folder), read_samples(folder, benchmarks))


def measure_fanout(material: Material, case: Case, folder: Path) -> Measurement:
    """Measure one process of `lm_eval run --model vllm` per benchmark, one after another."""
    runs: list[Run] = []
    answers: Answers = {}
    for benchmark in material.benchmarks(case):
        place = folder / benchmark.key
        command = programs.vllm_command(material, case, [benchmark], place / "out")
        runs.append(run(material, command, place))
        answers = {**answers, **read_samples(place, [benchmark])}
    return Measurement(sum_of(runs), answers)


def measure_hf(material: Material, case: Case, folder: Path) -> Measurement:
    """Measure `lm_eval run --model hf` on all benchmarks, with the batch size found best."""
    best = _best_batch_size(material, case, folder)
    place = folder / "whole"
    command = programs.hf_command(material, case, place / "out", batch_size=best, limit=case.limit)
    taken = run(material, command, place)
    return Measurement(taken, read_samples(place, material.benchmarks(case)), best)


def measure_ours(material: Material, case: Case, folder: Path) -> Measurement:
    """Measure `evalboard evaluate` on all benchmarks."""
    output = folder / "out"
    taken = run(material, programs.our_command(material, case, output), folder)
    answers = read_details(output, material.benchmarks(case))
    return Measurement(taken, answers, account=_account(taken, output))


MEASURES: dict[str, Callable[[Material, Case, Path], Measurement]] = {
    programs.HF: measure_hf,
    programs.VLLM: measure_vllm,
    programs.OURS: measure_ours,
    programs.FANOUT: measure_fanout,
}
"""By program, in the order in which they run."""


def sum_of(runs: Iterable[Run]) -> Run:
    """Return the durations of several processes together."""
    return Run(*map(sum, zip(*runs, strict=True)))


def run(material: Material, command: Sequence[str], folder: Path) -> Run:
    """Run a program with stores of its own and a stopwatch in it.

    Raises:
        HarnessError: It failed, or no model answered in it; the message names its log.
    """
    watch = folder / "stopwatch"
    stopwatch.install(watch)
    variables = material.environment(folder)
    path = os.pathsep.join(filter(None, (str(watch), variables.get("PYTHONPATH"))))
    with Services(folder, {**variables, "PYTHONPATH": path}) as services:
        started = time.monotonic()
        try:
            services.run("log", command)
        except ConfigError as exc:
            raise HarnessError(f"{command[2]}: {exc.message}") from exc
        seconds = time.monotonic() - started
    intervals = stopwatch.read_intervals(watch)
    if not intervals:
        raise HarnessError(
            f"No model answered in `{' '.join(command[1:4])}`. See its log "
            f"{str(services.log_file('log'))!r}."
        )
    return Run(seconds, stopwatch.union_seconds(intervals))


def _account(taken: Run, output: Path) -> dict[str, float]:
    """Return the parts of a run of ours: benchmarks overlap, so all scores are one part."""
    file = output / "results.json"
    seconds = ResultDocument.from_json(file.read_bytes(), path=str(file)).evalboard.seconds
    return {
        "start": seconds.start,
        "load": seconds.load,
        "scores": seconds.total - seconds.start - seconds.load,
        "around": taken.seconds - seconds.total,
    }


def _best_batch_size(material: Material, case: Case, folder: Path) -> str:
    """Return the batch size with which transformers answers the first questions soonest."""
    limit = math.ceil(TRIAL_QUESTIONS / len(case.benchmarks))
    taken: dict[str, float] = {}
    for size in programs.BATCH_SIZES:
        place = folder / f"batch-{size}"
        command = programs.hf_command(
            material,
            case,
            place / "out",
            batch_size=size,
            limit=min(limit, case.limit or limit),
        )
        taken[size] = run(material, command, place).scoring_seconds
    return min(taken, key=taken.__getitem__)
