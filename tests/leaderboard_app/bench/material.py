"""A board of random scores, the worst case for compression, in the form that the pipeline stores."""

import hashlib
import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evalboard.board.standings import entry_name
from evalboard.board.statistics import normalise, wilson_interval
from evalboard.identity import RowIdentity
from evalboard.ranking.comparing import Column, Stratum
from evalboard.ranking.entries import AVERAGE, Average, Entries
from evalboard.ranking.published import to_bytes
from evalboard.records.board_files import (
    ANSWERS_FILE,
    META_FILE,
    TABLE_FILE,
    BenchmarkColumn,
    BoardMeta,
)
from evalboard.records.columns import RANK_SUFFIXES
from evalboard.records.precision import Precision
from evalboard.records.request import ModelType
from evalboard.records.times import timestamp
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Write
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Benchmark

SUITE = "open-medical"
BUILT = datetime(2026, 11, 21, 10, tzinfo=UTC)
QUESTIONS = {"medmcqa": 4183, "medqa_4options": 1273, "pubmedqa": 500}
OTHER_QUESTIONS = 200

_ORGS = ("meta", "qwen", "mistral", "google", "clinic-lab", "org")
_WORDS = (
    "llama",
    "qwen",
    "mistral",
    "gemma",
    "medical",
    "instruct",
    "chat",
    "base",
    "merge",
    "dpo",
)
_ARCHITECTURES = ("LlamaForCausalLM", "Qwen2ForCausalLM", "MixtralForCausalLM", "Gemma3ForCausalLM")
_LICENCES = ("apache-2.0", "mit", "llama3.1", "gemma", "cc-by-nc-4.0")


def fill_board(store: LocalStore, models: int, *, seed: int = 0, folder: str = "") -> None:
    """Write a board of so many models, all complete; another seed gives another board.

    Args:
        store: The board store.
        models: Number of rows.
        seed: Of everything random.
        folder: Of the board in the store, with a slash at its end; empty for the first board.
    """
    benchmarks = load_suite(SUITE).benchmarks
    generator = random.Random(seed)
    rows = [_make_row(generator, number, benchmarks) for number in range(models)]
    answers = _make_answers(rows, seed)
    _rank(rows, [*(benchmark.key for benchmark in benchmarks), AVERAGE])
    meta = BoardMeta(
        suite=SUITE,
        title=load_suite(SUITE).title,
        benchmarks=tuple(_describe(benchmark) for benchmark in benchmarks),
        revision=f"r{seed}",
        built_at=timestamp(BUILT + timedelta(minutes=seed)),
        answers_hash=hashlib.sha256(answers).hexdigest(),
        content_hash=f"{seed:064x}",
    )
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink, compression="zstd")
    files = {
        folder + TABLE_FILE: sink.getvalue().to_pybytes(),
        folder + META_FILE: meta.model_dump_json().encode(),
        folder + ANSWERS_FILE: answers,
    }
    store.commit([Write(path, content) for path, content in files.items()], message="board")


def _make_answers(rows: Sequence[dict[str, Any]], seed: int) -> bytes:
    """Return random answers of all rows to all benchmarks, as a board has them."""
    generator, count = np.random.default_rng(seed), len(rows)
    names = [entry_name(RowIdentity(*(row[f] for f in RowIdentity._fields))) for row in rows]
    columns = [
        Column(
            key=key,
            scores=np.array([row[key] for row in rows], np.float64),
            answers=generator.integers(0, 2, (count, questions), np.bool_),
            answered=np.ones(count, np.bool_),
            stderrs=np.zeros(count),
            strata=(Stratum(0, questions, 1.0),),
            peers=np.zeros(count, np.int64),
        )
        for key, questions in ((b.key, _questions(b)) for b in load_suite(SUITE).benchmarks)
    ]
    scores = np.array([row[AVERAGE] for row in rows], np.float64)
    return to_bytes(Entries(names, columns, Average(scores, {c.key: 1.0 for c in columns})))


def _rank(rows: Sequence[dict[str, Any]], keys: Sequence[str]) -> None:
    """Give rows their ranks by score, with ranges of any width: what the page gets is as long as real ones."""
    generator = random.Random(0)
    for key in keys:
        for place, row in enumerate(sorted(rows, key=lambda row: -row[key]), start=1):
            ends = (place - generator.randrange(300), place + generator.randrange(300))
            ranges = (place, max(1, ends[0]), min(len(rows), ends[1]))
            row |= {key + suffix: n for suffix, n in zip(RANK_SUFFIXES, ranges, strict=True)}


def _questions(benchmark: Benchmark) -> int:
    return QUESTIONS.get(benchmark.key, OTHER_QUESTIONS)


def _describe(benchmark: Benchmark) -> BenchmarkColumn:
    return BenchmarkColumn(
        key=benchmark.key,
        title=benchmark.title,
        group=benchmark.group,
        n=_questions(benchmark),
        fewshot=benchmark.num_fewshot,
        metric=benchmark.metric,
        baseline=benchmark.baseline,
    )


def _make_row(
    generator: random.Random, number: int, benchmarks: Sequence[Benchmark]
) -> dict[str, Any]:
    org = f"{generator.choice(_ORGS)}{generator.randrange(400)}"
    words = "-".join(generator.sample(_WORDS, 2))
    base = f"{generator.choice(_ORGS)}/{generator.choice(_WORDS)}-{generator.randrange(90)}b"
    submitted = BUILT - timedelta(minutes=generator.randrange(1_000_000))
    scores = {benchmark.key: generator.uniform(0.2, 0.95) for benchmark in benchmarks}
    row: dict[str, Any] = {
        "model": f"{org}/{words}-{number}",
        "org": org,
        "sha": f"{generator.getrandbits(160):040x}",
        "precision": generator.choice(list(Precision)).value,
        "weight_type": "Original",
        "model_type": generator.choice(list(ModelType)).value,
        "base_model": base if generator.random() < 0.7 else "",
        "architecture": generator.choice(_ARCHITECTURES),
        "params_billion": round(math.exp(generator.uniform(-2, 5)), 3),
        "license": generator.choice(_LICENCES),
        "use_chat_template": generator.random() < 0.4,
        "submitted_time": timestamp(submitted),
        "finished_time": timestamp(submitted + timedelta(minutes=generator.randrange(5, 900))),
        "sender": f"person{generator.randrange(2000)}",
        "flags": ["other_task_version"] if generator.random() < 0.02 else [],
        "backend": "vllm",
        "lm_eval_version": "0.4.13",
        "enable_thinking": False,
        "merged": generator.random() < 0.2,
        "moe": generator.random() < 0.1,
        "likes": generator.randrange(5000),
        "hours": round(generator.uniform(0.1, 9), 2),
        "gpu_hours": round(generator.uniform(0.1, 70), 2),
        "energy_kwh": round(generator.uniform(0.1, 50), 3),
    }
    for benchmark in benchmarks:
        row |= _cells(benchmark, scores[benchmark.key])
    average = math.fsum(scores.values()) / len(scores)
    return row | {AVERAGE: average, "complete": True, "ranked": True}


def _cells(benchmark: Benchmark, score: float) -> dict[str, Any]:
    n = _questions(benchmark)
    interval = wilson_interval(score, n)
    values = {
        "": score,
        "__stderr": math.sqrt(score * (1 - score) / (n - 1)),
        "__low": interval.low,
        "__high": interval.high,
        "__n": n,
        "__normalised": normalise(score, benchmark.baseline),
    }
    return {benchmark.key + suffix: value for suffix, value in values.items()}
