"""Request files of strangers that are made to command, to stop or to deceive the poll."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evalboard.attempt.opening import open_attempt
from evalboard.errors import EngineError, LifecycleError, StoreError
from evalboard.intake import polling, request_files
from evalboard.intake.polling import check, view_queue
from evalboard.intake.submission import EvaluationRequest
from evalboard.lifecycle import CHECK_PAUSES, requeue
from evalboard.records.precision import Precision
from evalboard.records.report import Report
from evalboard.records.request import RequestRecord, Status
from evalboard.repositories import find_repository
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue, open_store
from evalboard.stores.protocol import Write
from evalboard.stores.requests import RequestQueue
from tests.model_folders import write_model
from tests.signing import put_signed

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
GOOD = "org/good.json"
EVIL = "x/evil.json"
NO_LICENCE = "---\nlicense: none\n---\n" + "A model whose licence nobody knows. " * 10

pytestmark = pytest.mark.usefixtures("every_check")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    models = tmp_path / "models"
    write_model(models / "org" / "model")
    (write_model(models / "lab" / "bad") / "README.md").write_text(NO_LICENCE, encoding="utf-8")
    return Settings.model_validate(
        {
            "home": tmp_path / "home",
            "models": models,
            "offline": True,
            "max_running": 1,
            "suite": "demo",
        }
    )


@pytest.fixture
def good(settings: Settings) -> str:
    """A good file of another program, which is checked after the evil one."""
    return put(settings, {"model": "org/model", "precision": "bfloat16", "sender": "z"}, GOOD)


def put(settings: Settings, content: dict[str, Any] | bytes, path: str = EVIL) -> str:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    store = open_store(settings.store_address("requests"), settings)
    store.commit([Write(path, body)], message="a stranger")
    return path


def poll(settings: Settings, *, now: datetime = NOW) -> dict[str, polling.CheckedRequest]:
    """Do what the flow does of its own; return what was checked, by path."""
    return {path: check(path, settings, now=now) for path in view_queue(settings, now=now).paths}


def started(settings: Settings) -> set[str]:
    return {path for path, checked in poll(settings).items() if checked.startable}


def codes(settings: Settings, path: str = EVIL) -> set[str]:
    record = open_own_queue(settings).get(path)
    assert record.status is Status.REJECTED
    return {finding.code for finding in Report.model_validate(record.evalboard.report).errors}


def forged(settings: Settings, **fields: Any) -> dict[str, Any]:
    """Return a file with a report that says that a model has passed."""
    sha = find_repository(fields.get("model", "org/model"), "main", settings).revision
    known = {"model": "org/model", "revision": sha, "precision": "bfloat16", "sender": "a"}
    record = known | fields
    report = {"ok": True, "findings": [], "facts": {}}
    report |= {name: record[name] for name in ("model", "revision")}
    return record | {"evalboard": {"suite": "demo", "report": report}}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"model": "lab/bad"}, "unknown_license"),
        ({"precision": "weird"}, "precision_unknown"),
        ({"precision": ""}, None),
        ({"precision": "int3", "weight_type": "Upside down"}, "weight_type_unknown"),
        ({"weight_type": "Adapter", "base_model": "/etc"}, "invalid_base_model"),
        ({"weight_type": "Delta", "base_model": "../../x"}, "invalid_base_model"),
    ],
)
def test_a_report_that_this_board_did_not_write_is_not_believed(
    fields: dict[str, Any], code: str | None, settings: Settings, good: str
) -> None:
    put(settings, forged(settings, **fields))
    if code is None:
        assert started(settings) >= {good}
        return
    assert started(settings) == {good}
    assert code in codes(settings)


@pytest.mark.parametrize("kind", ["absolute", "relative", "of the home", "above"])
def test_a_folder_is_no_model(
    kind: str, settings: Settings, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings.models
    assert folder is not None
    monkeypatch.chdir(folder)
    model = {
        "absolute": str(folder / "org" / "model"),
        "relative": "./org/model",
        "of the home": "~/model",
        "above": "../models/org/model",
    }[kind]
    sha = find_repository("org/model", "main", settings).revision
    put(settings, forged(settings) | {"model": model, "revision": sha})
    assert started(settings) == {good}
    assert codes(settings) == {"invalid_name"}


@pytest.mark.parametrize(
    "key",
    [
        b'"likes": NaN',
        b'"params": NaN',
        b'"params": -Infinity',
        b'"note": [1, {"deep": NaN}]',
        b'"evalboard": {"original": {"params": NaN}}',
        b'"evalboard": {"of_another": [NaN]}',
    ],
)
def test_a_number_that_equals_nothing_is_checked_like_any_other(
    key: bytes, settings: Settings, good: str
) -> None:
    put(settings, b'{"model": "lab/bad", "precision": "bfloat16", %s}' % key)
    assert started(settings) == {good}
    assert "unknown_license" in codes(settings)
    put(settings, b'{"model": "org/model", "precision": "float32", %s}' % key, "x/fine.json")
    checked = poll(settings)["x/fine.json"]
    assert checked.startable
    entry = open_own_queue(settings).entry("x/fine.json")
    assert entry.is_signed
    assert entry.record is not None
    assert len(entry.record.revision) == 40


SUITE_FILE = """
name: {name}
title: Evil
tasks: tasks
benchmarks: [{{key: evil, title: Evil}}]
"""


@pytest.mark.parametrize("name", ["demo", "evil"])
@pytest.mark.parametrize("spelling", ["{folder}/suite.yaml", "suite.yaml", "./suite.yaml"])
def test_a_path_is_no_suite(
    spelling: str,
    name: str,
    settings: Settings,
    good: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "models" / "evil" / "org"
    folder.mkdir(parents=True)
    (folder / "suite.yaml").write_text(SUITE_FILE.format(name=name), encoding="utf-8")
    monkeypatch.chdir(folder)
    suite = spelling.format(folder=folder)
    content = forged(settings)
    content["evalboard"]["suite"] = suite
    put(settings, content)
    assert started(settings) == {good}
    assert codes(settings) == {"unknown_suite"}


@pytest.mark.parametrize(
    "claim",
    [
        {"job_start_time": "2099-01-01T00:00:00Z"},
        {"evalboard": {"claimed_time": "2099-01-01T00:00:00Z"}},
        {"evalboard": {"claimed_by": {"run_id": "r", "host": "x", "server": "http://x/api"}}},
    ],
)
def test_a_claim_that_this_board_did_not_make_takes_no_place(
    claim: dict[str, Any], settings: Settings, good: str
) -> None:
    put(settings, {"model": "org/other", "status": "RUNNING"} | claim)
    assert view_queue(settings, now=NOW)[:2] == ([good], 1)


@pytest.mark.parametrize("priority", [1, 10**15, "9" * 30, 1e300])
def test_a_priority_that_this_board_did_not_give_moves_nothing(
    priority: Any, settings: Settings
) -> None:
    content = {"model": "org/model", "submitted_time": "2026-11-20T00:00:00Z"}
    put(settings, content | {"sender": "a"}, GOOD)
    later = {"submitted_time": "2026-11-20T01:00:00Z", "precision": "bfloat16", "sender": "b"}
    put(settings, content | later | {"evalboard": {"priority": priority}})
    assert view_queue(settings, now=NOW).paths[0] == GOOD


def test_an_unexpected_error_is_recorded_and_ends_nothing_but_itself(
    settings: Settings, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(settings, {"model": "lab/bad", "sender": "a"})
    failing(monkeypatch, RuntimeError("Symlink loop from '/x'"))
    checked = poll(settings)
    assert checked[good].startable
    problem = checked[EVIL].problem
    assert problem is not None
    assert (problem.code, "Symlink loop" in problem.message) == ("unexpected", True)
    entry = open_own_queue(settings).entry(EVIL)
    assert entry.is_signed
    assert entry.record is not None
    block = entry.record.evalboard
    assert block.failure is not None
    assert (block.failure.code, block.undecided_checks) == ("unexpected", 1)


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the check of `lab/bad` end with an error."""
    check_request = request_files.check_request

    def checked(record: RequestRecord, settings: Settings) -> request_files.RequestCheck:
        if record.model == "lab/bad":
            raise error
        return check_request(record, settings)

    monkeypatch.setattr(polling, "check_request", checked)


def test_what_cannot_be_decided_pauses_longer_each_time_and_then_waits_for_a_person(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(settings, {"model": "lab/bad"})
    now = NOW
    failing(monkeypatch, EngineError("A tokenizer that panics."))
    for pause in CHECK_PAUSES:
        assert poll(settings, now=now).keys() == {EVIL}
        assert poll(settings, now=now + pause - timedelta(seconds=1)) == {}
        now += pause
    assert poll(settings, now=now).keys() == {EVIL}
    queue = open_own_queue(settings)
    assert queue.get(EVIL).status is Status.FAILED
    assert poll(settings, now=now + timedelta(days=30)) == {}
    queue.change(EVIL, lambda r: requeue(r, now=now, reason="by a person"), message="requeue")
    assert poll(settings, now=now).keys() == {EVIL}
    monkeypatch.undo()
    assert queue.get(EVIL).evalboard.undecided_checks == 1


def test_a_hub_that_does_not_answer_changes_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(settings, {"model": "lab/bad"})
    before = open_own_queue(settings).entry(EVIL)
    failing(monkeypatch, StoreError("The Hub did not answer."))
    problem = poll(settings)[EVIL].problem
    assert problem is not None
    assert problem.code == "store"
    assert open_own_queue(settings).entry(EVIL) == before


def test_decided_checks_leave_no_trace_of_those_that_were_not(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(settings, {"model": "org/model", "precision": "bfloat16"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polling, "check_request", lambda *_: 1 / 0)
        poll(settings)
    checked = poll(settings, now=NOW + timedelta(minutes=1))[EVIL]
    assert checked.startable
    block = open_own_queue(settings).get(EVIL).evalboard
    assert (block.undecided_checks, block.failure, block.retry_after) == (0, None, None)


def test_checks_that_are_not_complete_start_nothing(settings: Settings) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request_files, "CHECKED_BY_POLL", "card_short")
        record = RequestRecord.model_validate(forged(settings))
        assert request_files.is_checked(record)
    put(settings, {"model": "org/model", "precision": "bfloat16"})
    path = put_signed(settings, incomplete(settings), "org/signed.json")
    assert not request_files.is_checked(open_own_queue(settings).get(path))


def incomplete(settings: Settings) -> RequestRecord:
    content = forged(settings)
    finding = {"level": "info", "code": "checked_by_poll", "message": "Later."}
    content["evalboard"]["report"]["findings"] = [finding]
    return RequestRecord.model_validate(content)


def evaluation(path: str, content: dict[str, Any]) -> EvaluationRequest:
    return EvaluationRequest(
        model=content["model"],
        revision=content["revision"],
        precision=Precision.BFLOAT16,
        request_path=path,
    )


@pytest.mark.parametrize("model", ["org/model", "lab/bad"])
def test_a_run_does_not_claim_what_this_board_has_not_checked(
    model: str, settings: Settings
) -> None:
    content = forged(settings, model=model)
    put(settings, content)
    queue = open_own_queue(settings)
    before = queue.entry(EVIL)
    with pytest.raises(LifecycleError, match="has not passed the checks"):
        open_attempt(evaluation(EVIL, content), settings, run_id="r", run_url="", now=NOW)
    assert queue.entry(EVIL) == before


def test_a_run_claims_what_this_board_has_checked(settings: Settings, queue: RequestQueue) -> None:
    put(settings, forged(settings))
    checked = poll(settings)[EVIL]
    assert checked.startable
    attempt = open_attempt(checked.startable.request, settings, run_id="r", run_url="", now=NOW)
    assert attempt.record.status is Status.RUNNING
    assert (attempt.engine.folder, attempt.engine.base_folder) == (None, None)


@pytest.mark.parametrize(
    "path",
    [
        "b/brace{x}.json",
        "b/{0}{}.json",
        "b/%s%(x)d$HOME`id`;.json",
        "b/[red]x[/].json",
        "b/" + "x" * 200 + ".json",
        "b/-rf.json",
        "{parameters}.json",
    ],
)
def test_a_strange_path_is_checked_like_any_other(path: str, settings: Settings, good: str) -> None:
    put(settings, {"model": "org/model", "precision": "float32"}, path)
    assert started(settings) == {good, path}
