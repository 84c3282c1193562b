import subprocess
import sys

import psutil
import pytest

from evalboard.attempt.model import Attempt, AttemptEnd
from evalboard.attempt.summary import markdown_summary
from evalboard.bench.memory import free_ports, tree_memory
from evalboard.bench.pipeline import time_account
from evalboard.intake.submission import EvaluationRequest
from evalboard.records.request import RequestRecord, Status
from evalboard.records.result import Seconds
from evalboard.suites.loader import load_suite

HELD_BYTES = 64 << 20


def test_a_run_report_is_read_back() -> None:
    attempt = Attempt.model_construct(
        request=EvaluationRequest(model="org/model"),
        record=RequestRecord(model="org/model"),
        suite=load_suite("demo"),
    )
    seconds = Seconds(
        start=5.0,
        load=15.5,
        score={"demo_anatomy": 2.0, "demo_abstracts": 3.5},
        store=0.1,
        total=27,
    )
    end = AttemptEnd(status=Status.FINISHED, scores={"demo_anatomy": 0.5}, seconds=seconds)
    assert time_account(markdown_summary(attempt, end)) == pytest.approx(
        {"start": 5.0, "load": 15.5, "score": 5.5, "store": 0.1, "overhead": 0.9, "total": 27.0}
    )


def test_memory_counts_what_a_process_and_its_descendants_hold() -> None:
    holder = f"held = b'x' * {HELD_BYTES}; print('ready', flush=True); input()"
    starter = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {holder!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        memory = tree_memory(psutil.Process(process.pid))
        process.communicate("\n")
    assert memory.processes == 2
    assert HELD_BYTES < memory.bytes < 2 * HELD_BYTES


def test_free_ports_differ() -> None:
    one, other = free_ports()
    assert one != other
