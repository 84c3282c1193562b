"""What one soak is made of: how many of what, and the requests that it begins with."""

import hashlib
from typing import Literal, NamedTuple

from evalboard.records.report import Report
from evalboard.records.request import BoardBlock, HistoryEntry, RequestRecord, Status

SUITE = "demo"
HUB_NAMES = {name: f"org/{name}" for name in ("requests", "results", "board")}
MACHINES = ("one", "two")
"""Machines that are played: each has its own Prefect server, and its own memory of the Hub."""
FAILING = 20
"""One request in so many loses its engine once, at its first attempt."""
SUBMITTED = "2026-11-01T10:00:00Z"


class Scenario(NamedTuple):
    """One soak."""

    store: Literal["local", "hub"]
    requests: int
    pollers: int = 8
    workers: int = 16
    reconcilers: int = 2
    kills: int = 0
    faults: float = 0.0
    """Share of the Hub's answers that go wrong, in [0, 1]."""
    seed: int = 0
    poll_seconds: float = 1.0
    """Between two polls of one poller; a reconciler takes half as long again."""
    longest_seconds: float = 900.0
    """After so long it is given up."""


def records(count: int) -> list[RequestRecord]:
    """Return pending requests that have passed their checks, by several submitters."""
    return [_record(number) for number in range(count)]


def loses_its_engine(record: RequestRecord) -> bool:
    """Return whether the first attempt at a request is to fail with a class that is retried."""
    number = int(record.model.rpartition("-")[2])
    return number % FAILING == 7 and record.evalboard.failed_attempts == 0


def _record(number: int) -> RequestRecord:
    model = f"org{number % 7}/model-{number:05}"
    revision = hashlib.sha1(model.encode()).hexdigest()
    facts = {"precision": "float16", "params_billion": 1.0, "architectures": ["LlamaForCausalLM"]}
    return RequestRecord(
        model=model,
        revision=revision,
        precision="float16",
        params=1.0,
        submitted_time=SUBMITTED,
        sender=f"sender {number % 11}",
        evalboard=BoardBlock(
            suite=SUITE,
            priority=number % 3,
            history=(HistoryEntry(status=Status.PENDING, time=SUBMITTED, reason="submitted"),),
            report=Report(model=model, revision=revision, facts=facts).to_document(),
        ),
    )
