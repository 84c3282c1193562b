"""How long the ranks of a large board take, and how often rank ranges are wrong: `make bench-ranks`.

python -m tests.ranking.bench [--report FILE] [--rows 500,2000,10000] [--boards 500]
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from evalboard.bench.machine import processor_name
from evalboard.identity import document_folder
from evalboard.publishing import publish_board
from evalboard.ranking.comparing import Column, Stratum, score_of
from evalboard.ranking.ranges import HOLM_ROWS, Average, Earlier, Entries, rank
from evalboard.ranking.simulation import SCENARIOS, simulate
from evalboard.records.earned import Earned, to_bytes
from evalboard.records.result import ResultDocument
from evalboard.settings import load_settings
from evalboard.stores.results import document_path, earned_path
from evalboard.suites.loader import load_suite

QUESTIONS = {
    benchmark.key: benchmark.about.questions or 0
    for benchmark in load_suite("open-medical").benchmarks
}
"""Questions of each benchmark."""
WEIGHTS = dict.fromkeys(QUESTIONS, 1 / len(QUESTIONS))
MODELS = 200
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def answers_of(rows: int) -> dict[str, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return the answers of models of which 30 % to 80 % are right."""
    random = np.random.default_rng(rows)
    chances = np.linspace(0.3, 0.8, rows, dtype=np.float32)[:, None]
    return {
        key: random.random((rows, count), np.float32) < chances for key, count in QUESTIONS.items()
    }


def entries_of(rows: int, shown: int) -> Entries:
    """Return the first rows of a board."""
    columns: list[Column] = []
    for key, answers in answers_of(rows).items():
        strata = (Stratum(0, answers.shape[1], 1.0),)
        known, none, alike = np.ones(shown, np.bool_), np.zeros(shown), np.zeros(shown, np.int64)
        some = answers[:shown]
        columns.append(Column(key, score_of(some, strata), some, known, none, strata, alike))
    average = Average(np.mean([c.scores for c in columns], axis=0), WEIGHTS)
    return Entries([str(row) for row in range(shown)], columns, average)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.monotonic()
    found = work()
    return time.monotonic() - started, found


def gigabytes() -> float:
    """Return the largest memory of the process so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure_ranks(rows: int) -> tuple[float, float, float]:
    """Return the seconds for all ranks, those with one row more, and the memory in GiB."""
    before, now = entries_of(rows, rows - 1), entries_of(rows, rows)
    whole, ranked = timed(lambda: rank(before))
    memory = gigabytes()
    again, _ = timed(lambda: rank(now, Earlier(before, ranked.counts)))
    return whole, again, memory


def store(folder: Path, rows: range, answers: dict[str, Any]) -> None:
    """Write results and compact answers as the results store has them."""
    for row in rows:
        document = document_of(row, {key: float(a[row].mean()) for key, a in answers.items()})
        home = document_folder(document)
        write(folder / document_path(home, document.evalboard.finished_time), document.to_json())
        for key, each in answers.items():
            earned = Earned(key, (each.shape[1],), each[row])
            write(folder / earned_path(home, key), to_bytes(earned))


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def document_of(row: int, scores: dict[str, float]) -> ResultDocument:
    """Return a document of about 15 KB, as those of real runs."""
    config = {f"setting_{number}": "x" * 60 for number in range(20)}
    results = {
        key: {"acc,none": p, "acc_stderr,none": (p * (1 - p) / (QUESTIONS[key] - 1)) ** 0.5}
        for key, p in scores.items()
    }
    counts = {key: {"original": n, "effective": n} for key, n in QUESTIONS.items()}
    return ResultDocument.model_validate(
        {
            "config": {
                "model_name": f"org{row % 97}/model-{row}",
                "model_sha": f"{row:040x}",
                "model_dtype": "bfloat16",
                "backend": "vllm",
                "backend_version": "0.32.0",
                "lm_eval_version": "0.4.13",
            },
            "results": results,
            "versions": dict.fromkeys(QUESTIONS, 1.0),
            "n-shot": dict.fromkeys(QUESTIONS, 0),
            "n-samples": counts,
            "task_hashes": dict.fromkeys(QUESTIONS, "h" * 64),
            "configs": dict.fromkeys(QUESTIONS, config),
            "evalboard": {
                "suite": "open-medical",
                "run_key": str(row),
                "benchmark_keys": {key: f"{row} {key}" for key in QUESTIONS},
                "dataset_fingerprints": dict.fromkeys(QUESTIONS, "f" * 64),
                "finished_time": "2026-11-21T10:00:00Z",
            },
        }
    )


def measure_board(rows: int) -> tuple[float, float, float]:
    """Return the seconds for a board from stores, that with one result more, and the memory in GiB."""
    with tempfile.TemporaryDirectory() as home:
        update = {"home": Path(home), "suite": "open-medical"}
        settings = load_settings().model_copy(update=update)
        folder, answers = Path(settings.store_address("results")), answers_of(rows)
        store(folder, range(rows - 1), answers)
        whole, _ = timed(lambda: publish_board(settings, now=NOW))
        memory = gigabytes()
        store(folder, range(rows - 1, rows), answers)
        again, _ = timed(lambda: publish_board(settings, now=NOW))
    return whole, again, memory


def speed(rows: list[int], work: Callable[[int], tuple[float, float, float]]) -> Iterator[str]:
    """Yield a table of the time that boards take, each in a process of its own."""
    yield "| rows | all | with one row more | memory |"
    yield "|---:|---:|---:|---:|"
    for count in rows:
        with multiprocessing.get_context("spawn").Pool(1) as process:
            whole, again, memory = process.apply(work, (count,))
        yield f"| {count:,} | {whole:.1f} s | {again:.1f} s | {memory:.2f} GiB |"


def mistakes(boards: int, holm_rows: int) -> Iterator[str]:
    """Yield a table of how often ranges are wrong, by kind of board."""
    yield '| models | rows with a wrong range | rows with a false "better" | pairs told apart | width |'
    yield "|---|---:|---:|---:|---:|"
    for scenario in SCENARIOS:
        found = simulate(
            scenario, boards=boards, models=MODELS, questions=1273, seed=1, holm_rows=holm_rows
        )
        power = "" if np.isnan(found.power) else f"{found.power:.1%}"
        yield (
            f"| {scenario.name} | {found.missed:.2%} ± {found.missed_error:.2%} "
            f"| {found.false:.2%} ± {found.false_error:.2%} | {power} | {found.width:.1%} |"
        )


def report(rows: list[int], boards: int) -> Iterator[str]:
    """Yield the lines of the page."""
    load = os.getloadavg()[0]
    yield from ("# Ranks: speed and mistakes", "")
    yield f"Written by `make bench-ranks`: {os.cpu_count()} × {processor_name()}, load {load:.1f} at the start."
    yield ""
    yield "The ranks of a board with the nine benchmarks of `open-medical` (7,045 questions) and their average,"
    yield "in memory; and where one row is new:"
    yield ""
    yield from speed(rows, measure_ranks)
    yield from (
        "",
        "The same with the whole board, from result documents and compact answers in a folder to",
    )
    yield "`board.parquet`; one new result is added for the process that has built the board before:"
    yield ""
    yield from speed(rows, measure_board)
    for name, method, count in (("Holm", HOLM_ROWS, boards), ("Bonferroni", 0, boards)):
        if count:
            yield ""
            yield f"{count} boards of {MODELS} models with 1,273 questions in three subjects, by {name}'s method:"
            yield ""
            yield from mistakes(count, method)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path)
    parser.add_argument("--rows", default=f"500,{HOLM_ROWS},10000")
    parser.add_argument("--boards", type=int, default=500)
    options = parser.parse_args()
    lines: list[str] = []
    for line in report([int(count) for count in options.rows.split(",")], options.boards):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        lines.append(line)
    if options.report:
        options.report.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
