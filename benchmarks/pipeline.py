"""Measure the pipeline beside the plain `lm_eval` call: `python -m benchmarks.pipeline`.

On the questions of EVALBOARD_DATASETS where that is set, else on the demo's.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.evaluation import Evaluation, run_once
from benchmarks.material import Material, make_material
from benchmarks.memory import Memory, measure_up
from benchmarks.plain import BATCH_SIZES, PlainRun, run_plain
from benchmarks.report import Report, installed_versions, processor_name, to_json, to_markdown
from evalboard.cli.services import Services
from evalboard.engine.catalog import machine
from evalboard.errors import EvalboardError
from evalboard.records.request import timestamp
from evalboard.settings import load_settings

PAGE = Path("docs/benchmarks.md")
IMPORTS = "import gradio, lm_eval, prefect, ray, vllm.entrypoints.llm"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the page and write it where it is asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks.pipeline", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help=f"few questions; {PAGE} is left as it is"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    parsed = parser.parse_args(arguments)
    # Stays after a failure, with all logs.
    folder = Path(tempfile.mkdtemp(prefix="evalboard-bench-"))
    try:
        report = measure(make_material(folder, load_settings(), quick=parsed.quick))
    except EvalboardError as exc:
        print(f"benchmarks.pipeline: {exc.message}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    print(to_markdown(report))
    if not parsed.quick:
        PAGE.write_text(to_markdown(report), encoding="utf-8")
    if parsed.json:
        parsed.json.write_text(to_json(report), encoding="utf-8")
    return 0


def measure(material: Material) -> Report:
    """Run everything, one after the other."""
    _announce("reading all libraries once, so that nobody pays for a cold disk")
    with Services(material.folder / "warm-up", material.environment("warm-up")) as services:
        services.run("imports", [sys.executable, "-c", IMPORTS])
    plain: dict[str, PlainRun] = {}
    for backend in BATCH_SIZES:
        _announce(f"lm_eval run --model {backend}")
        plain[backend] = run_plain(material, backend)
    _announce("evalboard run --once")
    ours = run_once(material)
    _announce("evalboard up")
    return summarise(material, plain, ours, measure_up(material))


def summarise(
    material: Material, plain: dict[str, PlainRun], ours: Evaluation, peak: Memory
) -> Report:
    """Put together what was measured."""
    differences = [abs(score - ours.scores[key]) for key, score in plain["vllm"].scores.items()]
    return Report(
        time=timestamp(),
        machine={**machine(), "processor": processor_name()},
        versions=installed_versions(),
        suite=material.suite.name,
        benchmarks=len(material.suite.benchmarks),
        questions=ours.questions,
        device=material.device,
        plain_seconds={backend: run.seconds for backend, run in plain.items()},
        score_difference=max(differences),
        our_seconds=ours.seconds,
        account=ours.account,
        around_seconds=ours.around,
        orchestration_seconds=ours.orchestration,
        peak_memory_gb=peak.bytes / 1e9,
        peak_processes=peak.processes,
    )


def _announce(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
