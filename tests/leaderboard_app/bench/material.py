"""A board of random scores, the worst case for compression, in the form that the pipeline stores."""

import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from evalboard.board.statistics import normalise, wilson_interval
from evalboard.records.board_files import META_FILE, TABLE_FILE, BenchmarkColumn, BoardMeta
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


def fill_board(store: LocalStore, models: int, *, seed: int = 0) -> None:
    """Write a board of so many models, all complete; another seed gives another board."""
    benchmarks = load_suite(SUITE).benchmarks
    generator = random.Random(seed)
    rows = [_make_row(generator, number, benchmarks) for number in range(models)]
    meta = BoardMeta(
        suite=SUITE,
        title=load_suite(SUITE).title,
        benchmarks=tuple(_describe(benchmark) for benchmark in benchmarks),
        revision=f"r{seed}",
        built_at=timestamp(BUILT + timedelta(minutes=seed)),
        content_hash=f"{seed:064x}",
    )
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink, compression="zstd")
    files = {TABLE_FILE: sink.getvalue().to_pybytes(), META_FILE: meta.model_dump_json().encode()}
    store.commit([Write(path, content) for path, content in files.items()], message="board")


def _describe(benchmark: Benchmark) -> BenchmarkColumn:
    return BenchmarkColumn(
        key=benchmark.key,
        title=benchmark.title,
        group=benchmark.group,
        n=QUESTIONS.get(benchmark.key, OTHER_QUESTIONS),
        fewshot=benchmark.num_fewshot,
        metric=benchmark.metric,
        baseline=benchmark.baseline,
    )


def _make_row(
    generator: random.Random, number: int, benchmarks: Sequence[Benchmark]
) -> dict[str, object]:
    org = f"{generator.choice(_ORGS)}{generator.randrange(400)}"
    words = "-".join(generator.sample(_WORDS, 2))
    base = f"{generator.choice(_ORGS)}/{generator.choice(_WORDS)}-{generator.randrange(90)}b"
    submitted = BUILT - timedelta(minutes=generator.randrange(1_000_000))
    scores = {benchmark.key: generator.uniform(0.2, 0.95) for benchmark in benchmarks}
    row: dict[str, object] = {
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
    }
    for benchmark in benchmarks:
        row |= _cells(benchmark, scores[benchmark.key])
    average = math.fsum(scores.values()) / len(scores)
    return row | {"average": average, "n_benchmarks": len(scores), "complete": True}


def _cells(benchmark: Benchmark, score: float) -> dict[str, object]:
    n = QUESTIONS.get(benchmark.key, OTHER_QUESTIONS)
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
