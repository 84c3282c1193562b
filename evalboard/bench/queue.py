"""Measure several models of one shape: as a queue of `evalboard run --once`, and one after another.

The queue is measured twice: with the engine that stays for the next model, and with a fresh engine
for each, which imports its libraries itself. Requests are in the queue before the program starts, and
their checks are part of it. The board has run before, on an empty queue: its first run would make
Prefect's database.
"""

import itertools
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from evalboard.bench import programs, stopwatch
from evalboard.bench.answers import Answers, read_details
from evalboard.bench.cases import Case
from evalboard.bench.material import Material
from evalboard.bench.measuring import Measurement, measure_vllm, run, sum_of
from evalboard.bench.pipeline import put_request, require_finished
from evalboard.identity import document_folder
from evalboard.services import Services
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive
from evalboard.stores.results import DETAILS

RUN_ONCE = [sys.executable, "-m", "evalboard", "run", "--once"]
STAYING = {"fork_engines": True, "engine_idle_seconds": 60}
FRESH = {"fork_engines": False, "engine_idle_seconds": 0}


def measure_each(material: Material, case: Case, folder: Path) -> Measurement:
    """Measure one process of `lm_eval run --model vllm` per model, one after another."""
    measured = {
        each.model: measure_vllm(material, each, folder / str(each.number))
        for each in case.of_each_model()
    }
    answers = {model: measurement.answers for model, measurement in measured.items()}
    return Measurement(sum_of(m.run for m in measured.values()), _by_model(answers))


def measure_queue(
    material: Material, case: Case, folder: Path, *, engines: Mapping[str, object]
) -> Measurement:
    """Measure `evalboard run --once` on one unchecked request per model.

    Args:
        material: The material.
        case: A case of several models.
        folder: Where the stores are made.
        engines: Settings that say how engines start and stay.

    Raises:
        ConfigError: The run on the empty queue failed.
        HarnessError: The program failed, or a request did not end with a result.
    """
    changes = {**engines, **({"datasets": material.cut_mirror(case)} if case.limit else {})}
    ours = material._replace(settings=material.settings.model_copy(update=changes))
    settings = ours.settings_of(folder)
    with Services(folder, ours.environment(folder)) as services:
        services.run("first", RUN_ONCE)
    each = case.of_each_model()
    paths = [put_request(settings, one.model, material.precision) for one in each]
    taken = run(ours, RUN_ONCE, folder)
    for path in paths:
        require_finished(settings, path)
    return Measurement(
        taken,
        _by_model({one.model: _stored(settings, material, one) for one in each}),
        between_seconds=between(stopwatch.read_intervals(folder / "stopwatch"), case.models),
    )


MEASURES: dict[str, Callable[[Material, Case, Path], Measurement]] = {
    programs.VLLM: measure_each,
    programs.OURS: partial(measure_queue, engines=STAYING),
    programs.FRESH: partial(measure_queue, engines=FRESH),
}
"""By program, in the order in which they run."""


def between(intervals: Iterable[tuple[float, float]], models: int) -> float:
    """Return the mean time, in seconds, between one model's last answer and the next one's first.

    Args:
        intervals: Start and end of every answering. All models are asked equally often.
        models: Number of models, which are asked one after another.
    """
    ordered = sorted(intervals)
    size = len(ordered) // models
    asked = [ordered[size * n : size * (n + 1)] for n in range(models)]
    gaps = [then[0][0] - max(end for _, end in now) for now, then in itertools.pairwise(asked)]
    return sum(gaps) / len(gaps)


def _stored(settings: Settings, material: Material, case: Case) -> Answers:
    """Read the answers of one model from the results store."""
    (document,) = open_archive(settings).read(model=case.model).documents
    folder = Path(settings.store_address("results")) / DETAILS / document_folder(document)
    return read_details(folder, material.benchmarks(case))


def _by_model(answers: Mapping[str, Answers]) -> Answers:
    """Return all models' answers, each benchmark's under the name of its model too."""
    return {
        f"{model} {benchmark}": given
        for model, of_model in answers.items()
        for benchmark, given in of_model.items()
    }
