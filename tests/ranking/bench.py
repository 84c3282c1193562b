"""How long the ranks of a large board take, and how often rank ranges are wrong: `make bench-ranks`.

python -m tests.ranking.bench [--report FILE] [--rows 500,2000,10000] [--boards 500]

It ends with 1 where more ranges are wrong than may be.
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
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evalboard.bench.machine import processor_name
from evalboard.board.table import build_frame
from evalboard.identity import document_folder
from evalboard.publishing import publish_board
from evalboard.ranking.comparing import Column, Stratum, score_of
from evalboard.ranking.entries import Average, Entries
from evalboard.ranking.ranges import HOLM_ROWS, Earlier, rank
from evalboard.ranking.simulation import SCENARIOS, Outcome, simulate
from evalboard.records.earned import Earned, to_bytes
from evalboard.records.result import ResultDocument
from evalboard.settings import Settings, load_settings
from evalboard.stores.results import answers_path, document_path, earned_path
from evalboard.suites.loader import load_suite

QUESTIONS = {
    benchmark.key: benchmark.about.questions or 0
    for benchmark in load_suite("open-medical").benchmarks
}
"""Questions of each benchmark."""
WEIGHTS = dict.fromkeys(QUESTIONS, 1 / len(QUESTIONS))
MODELS = 200
COLUMNS = len(build_frame([], load_suite("open-medical")).columns)
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
            write(folder / answers_path(home, key), b"PAR1" * 64)


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


def settings_of(home: Path) -> Settings:
    return load_settings().model_copy(update={"home": home, "suite": "open-medical"})


class Took(NamedTuple):
    """How long something took, in seconds."""

    wall: float
    processor: float
    """Of the process, without waiting for others."""

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.processor:.1f} s)"


def build(home: Path) -> Took:
    """Build and publish a board."""
    before = time.process_time()
    wall, _ = timed(lambda: publish_board(settings_of(home), now=NOW))
    return Took(wall, time.process_time() - before)


def measure_board(rows: int) -> list[str]:
    """Return how long a board from stores takes, and one with one result more, and the memory.

    Three processes: the first builds the whole board, gets a result more and builds again; the second
    starts when there is one more.
    """
    with tempfile.TemporaryDirectory() as name:
        home, answers = Path(name), answers_of(rows)
        folder = Path(settings_of(home).store_address("results"))
        store(folder, range(rows - 2), answers)
        with new_process() as process:
            whole = process.apply(build, (home,))
            store(folder, range(rows - 2, rows - 1), answers)
            again = process.apply(build, (home,))
            memory = process.apply(gigabytes)
        store(folder, range(rows - 1, rows), answers)
        wall, (processor, memory_anew) = timed(lambda: build_anew(home))
    anew = Took(wall, processor)
    return [str(whole), str(again), str(anew), f"{max(memory, memory_anew):.2f} GiB"]


def build_anew(home: Path) -> tuple[float, float]:
    """Build a board in a new process, and return its processor time in all and its memory."""
    with new_process() as process:
        process.apply(build, (home,))
        return process.apply(time.process_time), process.apply(gigabytes)


def new_process() -> Pool:
    return multiprocessing.get_context("spawn").Pool(1)


def board_speed(rows: list[int]) -> Iterator[str]:
    """Yield a table of the time that whole boards take."""
    yield "| rows | all | one result more | one more, in a new process | memory |"
    yield "|---:|---:|---:|---:|---:|"
    for count in rows:
        yield f"| {count:,} | {' | '.join(measure_board(count))} |"


def rank_speed(rows: list[int]) -> Iterator[str]:
    """Yield a table of the time that ranks take, each in a process of its own."""
    yield "| rows | all | with one row more | memory |"
    yield "|---:|---:|---:|---:|"
    for count in rows:
        with new_process() as process:
            whole, again, memory = process.apply(measure_ranks, (count,))
        yield f"| {count:,} | {whole:.1f} s | {again:.1f} s | {memory:.2f} GiB |"


def simulated(boards: int) -> dict[str, dict[str, Outcome]]:
    """Return by kind of board and method how often ranges are wrong."""
    return {
        scenario.name: simulate(scenario, boards=boards, models=MODELS, questions=1273, seed=1)
        for scenario in SCENARIOS
    }


def mistakes(found: dict[str, dict[str, Outcome]]) -> Iterator[str]:
    yield '| models | method | rows with a wrong range | rows with a false "better" | power | width |'
    yield "|---|---|---:|---:|---:|---:|"
    for name, by_method in found.items():
        for method, one in by_method.items():
            power = "" if np.isnan(one.power) else f"{one.power:.1%}"
            yield (
                f"| {name} | {method} | {one.missed:.2%} ± {one.missed_error:.2%} "
                f"| {one.false:.2%} ± {one.false_error:.2%} | {power} | {one.width:.1%} |"
            )


HEAD = """# Ranks: speed and mistakes

Written by `make bench-ranks` on {count} × {processor}. Load at the start: {load:.1f}.

The ranks of a board with the nine benchmarks of `open-medical` (7,045 questions) and their average, in
memory; and where one row is new. Up to 2,000 rows all pairs are compared again:
"""
BOARDS = """
The whole board, from result documents and compact answers in a folder to `board.parquet` with {columns}
columns: what is known of the model, and for each benchmark the score, its standard error and interval, the
number of questions, the normalised score, and the rank with its range. One more result is added for the process that has built the board before, then one for a new
process, whose start and imports count. In brackets the processor time, which waits for no other program.
(The answers as Parquet are small files here; no build reads them, but the first lists them.)

We want at most 3 s for 500 rows, 90 s and 2 GB for 10,000, and 5 s with one result more:
"""
MISTAKES = """
{boards} boards of {models} models with 1,273 questions in three subjects ({seconds:.0f} s). At most 5 % of
the rows, plus two standard errors of the simulation (after ±), may have a wrong range or see a model as
better that is not. The power is the share of all pairs of different models that are told apart; the width
of a range is a share of all ranks. *In families* means that each model answers 70 % of the questions as
another one of its family does. Holm's method decides on boards of up to 2,000 rows, Bonferroni's above:
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path)
    parser.add_argument("--rows", default=f"500,{HOLM_ROWS},10000")
    parser.add_argument("--boards", type=int, default=500)
    options = parser.parse_args()
    rows = [int(count) for count in options.rows.split(",") if count]
    lines: list[str] = []

    def tell(*more: str) -> None:
        for line in more:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            lines.append(line)

    load = os.getloadavg()[0]
    tell(HEAD.format(count=os.cpu_count(), processor=processor_name(), load=load))
    for line in rank_speed(rows):
        tell(line)
    tell(BOARDS.format(columns=COLUMNS))
    for line in board_speed(rows):
        tell(line)
    seconds, found = timed(lambda: simulated(options.boards))
    tell(MISTAKES.format(boards=options.boards, models=MODELS, seconds=seconds), *mistakes(found))
    wrong = [
        f"{name} by {method}'s method"
        for name, by_method in found.items()
        for method, one in by_method.items()
        if not one.is_sound
    ]
    tell("", f"Too many rows are wrong: {', '.join(wrong)}." if wrong else "No kind has more.")
    if options.report:
        options.report.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
