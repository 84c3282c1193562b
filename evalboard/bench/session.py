"""Measure case after case, each through all programs, one program at a time."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from evalboard.bench import measuring, queue
from evalboard.bench.answers import compare
from evalboard.bench.cases import SIZES_OF_DEVICE, Case, model_name, plan_cases
from evalboard.bench.generation import PAIRS, measure_generation
from evalboard.bench.machine import describe_machine, installed_versions
from evalboard.bench.material import (
    MAX_LENGTH,
    Material,
    describe_material,
    make_material,
    workshop,
)
from evalboard.bench.measuring import Measurement, run
from evalboard.bench.pipeline import measure_pipeline
from evalboard.bench.programs import HF, OURS, PROGRAMS, QUEUE_PROGRAMS, VLLM, vllm_command
from evalboard.bench.report import CaseReport, Report
from evalboard.records.times import timestamp
from evalboard.services import Services
from evalboard.settings import Settings

OF_OURS = ("ray",)
OF_THE_PIPELINE = ("gradio", "prefect")


class Wishes(NamedTuple):
    """The options of a measurement."""

    command: str
    """That was given."""
    kinds: tuple[str, ...]
    sizes: tuple[str, ...]
    """None named: those that suit the machine."""
    quick: bool
    limit: int | None
    pipeline: bool
    """Measure `evalboard run --once` and `evalboard up` as well."""
    programs: tuple[str, ...] = PROGRAMS
    """To compare. lm_eval on vLLM and ours are always among them."""


def measure(
    wishes: Wishes, settings: Settings, folder: Path, *, say: Callable[[str], None]
) -> Iterator[Report]:
    """Measure, and yield after each case what has been measured so far.

    Args:
        wishes: What to measure.
        settings: Of the caller; what they say about stores and servers is left out.
        folder: An empty folder.
        say: Is told what is being done.

    Raises:
        ConfigError: The mirror has not the questions.
        HarnessError: A program failed, or left no answers.
    """
    with workshop() as pool:
        material = describe_material(settings, folder, pool.submit(describe_machine).result())
        cases = _cases(wishes, material)
        say("building the models")
        parameters = pool.submit(make_material, material, cases).result()
    say("asking one question, to warm up the disk and the caches")
    _ask_one_question(material, cases[0])
    has_flows = wishes.pipeline or any(case.is_queue for case in cases)
    _read_libraries(material, OF_OURS + (OF_THE_PIPELINE if has_flows else ()))
    report = Report(
        time=timestamp(),
        command=wishes.command,
        machine=material.machine,
        versions=installed_versions(),
        precision=material.precision,
        max_length=MAX_LENGTH,
    )
    for case in cases:
        if case.is_generation:
            say(f"{case.name}, {case.size}: {PAIRS} times vllm bench throughput and ours")
            generation = measure_generation(material, case, parameters[case.size])
            report = replace(report, generation=generation)
        else:
            measured = measure_case(material, case, parameters[case.size], wishes.programs, say=say)
            report = replace(report, cases=[*report.cases, measured])
        yield report
    if wishes.pipeline:
        say("evalboard run --once, evalboard up")
        model = model_name(cases[0].size)
        yield replace(
            report, pipeline=measure_pipeline(material, model, folder / "runs" / "pipeline")
        )


def measure_case(
    material: Material,
    case: Case,
    parameters: int,
    compared: Sequence[str],
    *,
    say: Callable[[str], None],
) -> CaseReport:
    """Measure one case through the programs to compare; a queue through all of its own."""
    folder = material.run_folder(case)
    measured: dict[str, Measurement] = {}
    measures = (
        queue.MEASURES
        if case.is_queue
        else {
            program: measure
            for program, measure in measuring.MEASURES.items()
            if program in compared
        }
    )
    for program, measure_program in measures.items():
        say(f"{case.name}, {case.size}: {program}")
        measured[program] = measure_program(material, case, folder / program)
    return summarise(case, parameters, measured)


def summarise(case: Case, parameters: int, measured: dict[str, Measurement]) -> CaseReport:
    """Put together what was measured on one case."""
    known = QUEUE_PROGRAMS if case.is_queue else PROGRAMS
    programs = [program for program in known if program in measured]
    expected = measured[VLLM].answers
    compared = {
        program: compare(expected, measurement.answers)
        for program, measurement in measured.items()
        if program != VLLM
    }
    return CaseReport(
        name=case.name,
        model=case.model,
        parameters=parameters,
        benchmarks=len(case.benchmarks),
        models=case.models,
        questions=sum(map(len, expected.values())),
        limit=case.limit,
        hf_batch_size=measured[HF].batch_size if HF in measured else "",
        seconds={program: measured[program].run.seconds for program in programs},
        scoring_seconds={program: measured[program].run.scoring_seconds for program in programs},
        between_seconds={
            program: seconds
            for program in programs
            if (seconds := measured[program].between_seconds) is not None
        },
        different_answers={program: c.different for program, c in compared.items()},
        largest_difference=max(c.largest_difference for c in compared.values()),
        account=dict(measured[OURS].account),
    )


def _cases(wishes: Wishes, material: Material) -> list[Case]:
    suited = SIZES_OF_DEVICE[material.device]
    return plan_cases(
        material.suite,
        kinds=wishes.kinds,
        sizes=wishes.sizes or (suited[:1] if wishes.quick else suited),
        quick=wishes.quick,
        limit=wishes.limit,
    )


def _ask_one_question(material: Material, case: Case) -> None:
    """Run plain lm_eval on vLLM, which reads the libraries and looks the architecture up."""
    folder = material.folder / "runs" / "first"
    benchmark = material.benchmarks(case)[0]
    command = vllm_command(material, case._replace(limit=1), [benchmark], folder / "out")
    run(material, command, folder)


def _read_libraries(material: Material, names: tuple[str, ...]) -> None:
    folder = material.folder / "runs" / "libraries"
    with Services(folder, material.environment(folder)) as services:
        services.run("imports", [sys.executable, "-c", f"import {', '.join(names)}"])
