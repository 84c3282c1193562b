"""The soak's checks find what they are there for: every kind of damage is named."""

from pathlib import Path

import pytest

from evalboard.identity import document_folder
from evalboard.lifecycle import claim, fail, move
from evalboard.records.request import Claim, Failure, RequestRecord, Status
from evalboard.records.result import ModelConfig, Provenance, ResultDocument
from evalboard.records.times import parse_time
from evalboard.suites.loader import load_suite
from tests.soak.audit import Audit, Event, overlaps
from tests.soak.checking import Edit, Found, violations
from tests.soak.scenario import SUBMITTED, SUITE, loses_its_engine, records

NOW = parse_time(SUBMITTED)
KEYS = tuple(benchmark.key for benchmark in load_suite(SUITE).benchmarks)


def finished(record: RequestRecord) -> RequestRecord:
    assert NOW
    if loses_its_engine(record):
        claimed = claim(record, Claim(run_id="first", host="here"), now=NOW)
        record = fail(claimed, Failure(code="engine_died", message="It died."), now=NOW)
    claimed = claim(record, Claim(run_id="run", host="here"), now=NOW)
    return move(claimed, Status.FINISHED, now=NOW)


def document_of(record: RequestRecord, keys: tuple[str, ...] = KEYS) -> ResultDocument:
    return ResultDocument(
        config=ModelConfig(
            model_name=record.model,
            model_sha=record.revision,
            model_dtype=record.precision,
            backend="hf",
            backend_version="0",
            lm_eval_version="0",
        ),
        results={key: {} for key in keys},
        versions={},
        task_hashes={},
        configs={},
        **{"n-shot": {}, "n-samples": {}},
        evalboard=Provenance(
            suite=SUITE,
            run_key="run",
            benchmark_keys=dict.fromkeys(keys, "key"),
            dataset_fingerprints={},
        ),
    )


def found_of(*requests: RequestRecord) -> Found:
    documents: dict[str, ResultDocument | None] = {}
    for record in requests:
        document = document_of(record)
        documents[f"{document_folder(document)}/results_1.json"] = document
    details = {
        f"details/{path.rpartition('/')[0]}/{key}.parquet" for path in documents for key in KEYS
    }
    return Found(
        {record.path: record for record in requests},
        documents,
        frozenset(details),
        {record.path: record.status for record in requests},
    )


def wrong_with(
    found: Found, events: tuple[Event, ...] = (), edits: tuple[Edit, ...] = ()
) -> list[str]:
    paths = [record.path for record in records(10)]
    return violations(found, events, paths=paths, edits=edits, suite=SUITE, was_killed=False)


@pytest.fixture
def requests() -> list[RequestRecord]:
    return [finished(record) for record in records(10)]


def test_nothing_is_wrong_with_a_queue_that_is_done(requests: list[RequestRecord]) -> None:
    assert wrong_with(found_of(*requests)) == []


def test_a_request_that_is_still_pending_running_or_gone_is_named(
    requests: list[RequestRecord],
) -> None:
    assert NOW
    pending = records(10)[0]
    running = claim(records(10)[1], Claim(run_id="run", host="here"), now=NOW)
    text = " ".join(wrong_with(found_of(pending, running, *requests[2:9])))
    assert f"{pending.path}: PENDING" in text
    assert f"{running.path}: RUNNING" in text
    assert f"{requests[9].path}: gone" in text


def test_a_second_attempt_that_nothing_explains_is_named(requests: list[RequestRecord]) -> None:
    block = requests[0].evalboard
    twice = requests[0].model_copy(update={"evalboard": block.model_copy(update={"attempts": 2})})
    assert any("2 attempts" in one for one in wrong_with(found_of(twice, *requests[1:])))


def test_a_history_that_jumps_is_named(requests: list[RequestRecord]) -> None:
    block = requests[0].evalboard
    short = block.model_copy(update={"history": (block.history[0], block.history[-1])})
    jumped = requests[0].model_copy(update={"evalboard": short})
    wrong = wrong_with(found_of(jumped, *requests[1:]))
    assert any("FINISHED followed PENDING" in one for one in wrong)


def test_results_that_are_missing_double_or_strange_are_named(
    requests: list[RequestRecord],
) -> None:
    found = found_of(*requests)
    (first, document), *others = found.documents.items()
    without = found._replace(documents=dict(others))
    assert len(wrong_with(without)) == len(KEYS)
    twice = found._replace(documents={**found.documents, f"{first}2.json": document})
    assert all("is in 2 documents" in one for one in wrong_with(twice))
    assert len(wrong_with(twice)) == len(KEYS)
    nobody = document_of(RequestRecord(model="org/nobody", revision="0" * 40))
    strange = found._replace(documents={**found.documents, "a/b.json": nobody})
    assert any("nobody asked" in one for one in wrong_with(strange))
    assert any("no answers" in one for one in wrong_with(found._replace(details=frozenset())))


def test_an_edit_that_was_lost_is_named(requests: list[RequestRecord]) -> None:
    edited = requests[0].model_copy(update={"note_1": 7})
    kept, lost = Edit(edited.path, "note_1", 7), Edit(edited.path, "note_2", 8)
    found = found_of(edited, *requests[1:])
    assert wrong_with(found, edits=(kept,)) == []
    assert len(wrong_with(found, edits=(kept, lost))) == 1
    changed = (Edit(edited.path, "priority", 5), Edit(edited.path, "priority", 0))
    assert wrong_with(found, edits=changed) == []


def test_a_board_that_shows_another_status_is_named(requests: list[RequestRecord]) -> None:
    found = found_of(*requests)
    stale = found._replace(queue_file={**found.queue_file, requests[0].path: "RUNNING"})
    assert wrong_with(stale) == [f"{requests[0].path}: the board shows RUNNING"]


def began(time: float, run: str, *, pid: int = 1) -> Event:
    return Event(time, pid, "began", {"run": run, "path": "a"})


def ended(time: float, run: str) -> Event:
    return Event(time, 1, "ended", {"run": run})


def test_two_runs_on_one_request_at_the_same_time_are_named() -> None:
    assert overlaps([began(1, "x"), ended(2, "x"), began(3, "y"), ended(4, "y")]) == []
    assert len(overlaps([began(1, "x"), began(2, "y"), ended(3, "x"), ended(4, "y")])) == 1
    assert len(overlaps([began(1, "x"), began(2, "y"), ended(3, "y")])) == 1


def test_the_work_of_a_killed_process_ends_with_it() -> None:
    killed = Event(2, 7, "killed", {})
    assert overlaps([began(1, "x", pid=7), killed, began(3, "y"), ended(4, "y")]) == []
    assert len(overlaps([began(1, "x", pid=8), killed, began(3, "y"), ended(4, "y")])) == 1


def test_events_of_several_writers_come_back_in_order(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl")
    assert audit.events() == []
    audit.note("began", run="x", path="a")
    audit.note("killed", pid=7)
    assert [(event.kind, event.facts) for event in audit.events()] == [
        ("began", {"run": "x", "path": "a"}),
        ("killed", {}),
    ]
    assert audit.events()[1].pid == 7
