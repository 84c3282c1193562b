"""Boards that are made up, for tests and pictures."""

import hashlib
import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evalboard.board.standings import entry_name
from evalboard.board.statistics import normalise, wilson_interval
from evalboard.identity import RowIdentity
from evalboard.ranking.comparing import Column, Stratum
from evalboard.ranking.entries import AVERAGE, Average, Entries
from evalboard.ranking.published import to_bytes
from evalboard.ranking.ranges import rank
from evalboard.records.board_files import (
    ANSWERS_FILE,
    META_FILE,
    QUEUE_FILE,
    TABLE_FILE,
    BenchmarkColumn,
    BoardMeta,
    Filling,
    GoneRow,
    SubjectColumn,
)
from evalboard.records.columns import RANK_SUFFIXES
from evalboard.records.notice import Notice
from evalboard.records.reported import ReportedRow
from evalboard.records.request import ModelType
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Write
from evalboard.suites.loader import load_suite

SUITE = "open-medical"
SHA = "0123456789abcdef0123456789abcdef01234567"
QUESTIONS = {"medmcqa": 4183, "medqa_4options": 1273, "pubmedqa": 500}


@dataclass
class BoardFolder:
    """A board store in a folder, and how to fill one of its boards."""

    folder: Path
    suite: str = SUITE
    board: str = ""
    """Folder of the board in the store, with a slash at its end; empty for the first board."""

    def write_board(
        self,
        rows: Sequence[dict[str, Any]],
        built_at: str = "2026-11-21T10:00:00Z",
        subjects: Mapping[str, Sequence[SubjectColumn]] | None = None,
        reported: Sequence[ReportedRow] = (),
        filling: Sequence[Filling] = (),
        notices: Sequence[Notice] = (),
        answers: "Answered | None" = None,
        gone: Sequence[GoneRow] = (),
    ) -> None:
        suite = load_suite(self.suite)
        benchmarks = tuple(
            BenchmarkColumn(
                key=benchmark.key,
                title=benchmark.title,
                group=benchmark.group,
                n=QUESTIONS.get(benchmark.key, 200),
                fewshot=benchmark.num_fewshot,
                metric=benchmark.metric,
                baseline=benchmark.baseline,
                subjects=tuple((subjects or {}).get(benchmark.key, ())),
                smallest_difference=answers and answers.smallest.get(benchmark.key),
            )
            for benchmark in suite.benchmarks
        )
        meta = BoardMeta(
            suite=suite.name,
            title=suite.title,
            benchmarks=benchmarks,
            reported=tuple(reported),
            filling=tuple(filling),
            notices=tuple(notices),
            gone=tuple(gone),
            revision="r1",
            built_at=built_at,
            content_hash=built_at,
            answers_hash=hashlib.sha256(answers.content).hexdigest() if answers else "",
        )
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(list(rows)), sink)
        table, described = self.board + TABLE_FILE, self.board + META_FILE
        files = {table: sink.getvalue().to_pybytes(), described: meta.model_dump_json().encode()}
        self.write(files | ({self.board + ANSWERS_FILE: answers.content} if answers else {}))

    def write_queue(self, entries: Sequence[dict[str, Any]]) -> None:
        self.write({QUEUE_FILE: json.dumps(entries).encode()})

    def write(self, files: dict[str, bytes]) -> None:
        operations = [Write(path, content) for path, content in files.items()]
        LocalStore(self.folder).commit(operations, message="test")


def table_of(*rows: tuple[str, float | None]) -> pa.Table:
    """Return a board's table with just the columns that every board has."""
    records = [
        {"model": model, "sha": SHA, "average": average, "complete": average is not None}
        for model, average in rows
    ]
    return pa.Table.from_pylist(records)


def make_row(
    model: str, score: float, *, suite: str = SUITE, lacks: Sequence[str] = (), **changes: Any
) -> dict[str, Any]:
    """Return a row of `board.parquet` with nearly the same score everywhere."""
    generator = random.Random(model)
    row: dict[str, Any] = {
        "model": model,
        "org": model.partition("/")[0],
        "sha": f"{generator.getrandbits(160):040x}",
        "precision": "bfloat16",
        "weight_type": "Original",
        "model_type": generator.choice(list(ModelType)).value,
        "base_model": "",
        "architecture": "LlamaForCausalLM",
        "params_billion": generator.choice([0.0157, 0.4, 1.24, 7.24, 70.6]),
        "license": generator.choice(["apache-2.0", "mit", "llama3"]),
        "use_chat_template": False,
        "enable_thinking": False,
        "submitted_time": "2026-11-20T08:30:00Z",
        "finished_time": "2026-11-20T09:45:10Z",
        "sender": "clinic-lab",
        "flags": [],
        "backend": "vllm",
        "lm_eval_version": "0.4.13",
    }
    scores = {}
    for benchmark in load_suite(suite).benchmarks:
        value = min(max(score + generator.uniform(-0.08, 0.08), 0), 1)
        scores[benchmark.key] = None if benchmark.key in lacks else value
        row |= _cells(benchmark.key, scores[benchmark.key], benchmark.baseline)
    row["complete"] = row["ranked"] = not lacks
    row["n_benchmarks"] = len(scores) - len(lacks)
    row["average"] = None if lacks else sum(scores.values()) / len(scores)
    return row | changes


class Answered(NamedTuple):
    """What rows were compared from."""

    content: bytes
    """Of `answers.bin`."""
    smallest: dict[str, float]
    """Smallest differences by key."""


def answer(rows: list[dict[str, Any]], right: Mapping[str, Sequence[Sequence[bool]]]) -> Answered:
    """Give rows the scores and the ranks of their answers to some benchmarks.

    Args:
        rows: Of a board.
        right: By key of a benchmark, for every row which answers are right.
    """
    columns = [_column(key, np.array(answers)) for key, answers in right.items()]
    for at, row in enumerate(rows):
        for column in columns:
            row |= _cells(column.key, float(column.scores[at]), 0.25, column.answers.shape[1])
    average = Average(
        np.array([row["average"] for row in rows], np.float64),
        {column.key: 1 / len(columns) for column in columns},
    )
    names = [entry_name(RowIdentity(*(row[f] for f in RowIdentity._fields))) for row in rows]
    entries = Entries(names, columns, average)
    rankings = rank(entries).rankings
    for key in (*right, AVERAGE):
        for at, place in enumerate(zip(*rankings[key][:3], strict=True)):
            cells = zip(RANK_SUFFIXES, map(int, place), strict=True)
            rows[at] |= {key + suffix: number for suffix, number in cells}
    smallest = {key: ranking.smallest_difference for key, ranking in rankings.items()}
    return Answered(to_bytes(entries), smallest)


def _column(key: str, answers: Any) -> Column:
    count, questions = answers.shape
    return Column(
        key=key,
        scores=answers.mean(axis=1),
        answers=answers,
        answered=np.ones(count, np.bool_),
        stderrs=np.zeros(count),
        strata=(Stratum(0, questions, 1.0),),
        peers=np.zeros(count, np.int64),
    )


def _cells(
    key: str, score: float | None, baseline: float, questions: int | None = None
) -> dict[str, Any]:
    if score is None:
        return dict.fromkeys(
            (key, *(f"{key}__{c}" for c in ("stderr", "low", "high", "n", "normalised")))
        )
    n = questions or QUESTIONS.get(key, 200)
    interval = wilson_interval(score, n)
    return {
        key: score,
        f"{key}__stderr": math.sqrt(score * (1 - score) / (n - 1)),
        f"{key}__low": interval.low,
        f"{key}__high": interval.high,
        f"{key}__n": n,
        f"{key}__normalised": normalise(score, baseline),
    }


def make_entry(model: str, status: str, **changes: Any) -> dict[str, Any]:
    """Return an entry of `queue.json`."""
    return {
        "request": f"{model}_eval_request_False_bfloat16_Original_0123abcd.json",
        "model": model,
        "sha8": "0123abcd",
        "precision": "bfloat16",
        "status": status,
        "reason": "",
        "position": None,
        "attempts": 0,
        "sender": "clinic-lab",
        "submitted_time": "2026-11-21T07:00:00Z",
        "started_time": None,
        "benchmarks": {},
        "run_url": "",
    } | changes
