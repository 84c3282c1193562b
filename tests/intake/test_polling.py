"""What a poll does to the queue, on a real local store."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evalboard.errors import EvalboardError
from evalboard.intake import polling
from evalboard.intake.polling import (
    UNDECIDED_PAUSE,
    CheckedRequest,
    check,
    hold,
    next_poll,
    ready,
    view_queue,
)
from evalboard.intake.submission import Submission, submit
from evalboard.lifecycle import claim, fail
from evalboard.queueing.claims import server_name
from evalboard.records.request import BoardBlock, Claim, Failure, RequestRecord, Status
from evalboard.repositories import find_repository
from evalboard.settings import Settings
from evalboard.stores.addresses import open_store
from evalboard.stores.protocol import Write
from evalboard.stores.requests import QueuedRequest, RequestQueue
from tests.model_folders import write_model
from tests.signing import put_signed

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    write_model(tmp_path / "models" / "org" / "model")
    return Settings.model_validate(
        {
            "home": tmp_path / "home",
            "models": tmp_path / "models",
            "offline": True,
            "max_running": 2,
            "suite": "demo",
        }
    )


def put(settings: Settings, path: str, **fields: Any) -> str:
    """Write a request file as another program would."""
    record = RequestRecord.model_validate(
        {"model": "org/model", "precision": "bfloat16", "sender": "a"} | fields
    )
    store = open_store(settings.store_address("requests"), settings)
    store.commit([Write(path, record.to_json())], message="put")
    return path


def codes(record: RequestRecord) -> list[str]:
    assert record.evalboard.report is not None
    return [finding["code"] for finding in record.evalboard.report["findings"]]


def test_places_are_what_is_allowed_less_what_runs_here(settings: Settings) -> None:
    """Another machine, with a server of its own, starves nobody."""
    elsewhere = Claim(run_id="2", host="h", server="http://prefect.example.org/api")
    for path, held in (
        ("a.json", Claim(run_id="1", host="h", server=server_name(settings))),
        ("b.json", elsewhere),
        ("c.json", elsewhere.model_copy(update={"run_id": "3"})),
    ):
        record = RequestRecord(model=f"org/{path}", precision="float32", revision="a" * 40)
        put_signed(settings, claim(record, held, now=NOW), path)
    late = put(settings, "late.json", submitted_time="2026-11-20T00:00:00Z")
    early = put(settings, "z.json", submitted_time="2026-11-19T00:00:00Z", revision="dev")
    assert view_queue(settings, now=NOW)[:2] == ([early, late], 1)


def test_a_poll_plans_another_one_only_for_what_no_event_tells_of(settings: Settings) -> None:
    """The end of a pause, or a request that has a place and could not be started."""
    assert next_poll(settings, [], now=NOW) is None
    end = NOW + timedelta(minutes=5)
    for path, pause in (("a.json", end), ("b.json", end + timedelta(hours=1))):
        block = BoardBlock(retry_after=pause.strftime("%Y-%m-%dT%H:%M:%SZ"))
        record = RequestRecord(model=f"org/{path}", revision="a" * 40, evalboard=block)
        put_signed(settings, record, path)
    assert next_poll(settings, [], now=NOW) == end
    put(settings, "c.json")
    assert next_poll(settings, ["c.json"], now=NOW) == end
    assert next_poll(settings, [], now=NOW) == NOW + UNDECIDED_PAUSE
    full = settings.model_copy(update={"max_running": 1})
    assert next_poll(full, ["other.json"], now=NOW) == end


def test_a_model_is_evaluated_for_one_suite_after_the_other(settings: Settings) -> None:
    """The second suite takes the scores that both share, once the first has stored them."""
    pinned = RequestRecord(model="org/model", precision="bfloat16", revision="a" * 40)
    for path, suite, model in (
        ("a.json", "", "org/model"),
        ("b.json", "open-medical", "Org/Model"),
        ("c.json", "open-medical", "org/other"),
    ):
        record = pinned.model_copy(update={"model": model, "evalboard": BoardBlock(suite=suite)})
        put_signed(settings, record, path)
    assert view_queue(settings, now=NOW).paths == ["a.json", "c.json"]
    held = Claim(run_id="1", host="h", server=server_name(settings))
    put_signed(settings, claim(pinned, held, now=NOW), "a.json")
    assert view_queue(settings, now=NOW)[:2] == (["c.json"], 1)
    chat = pinned.model_copy(update={"use_chat_template": True})
    put_signed(settings, chat, "d.json")
    assert view_queue(settings, now=NOW).paths == ["c.json", "d.json"]


def test_who_pauses_is_not_started(settings: Settings) -> None:
    record = claim(RequestRecord(model="org/model"), Claim(run_id="r", host="h"), now=NOW)
    pausing = fail(record, Failure(code="node_lost", message="Gone."), now=NOW)
    put_signed(settings, pausing, "a.json")
    assert view_queue(settings, now=NOW).paths == []
    assert view_queue(settings, now=NOW + timedelta(minutes=1)).paths == ["a.json"]


def test_a_second_file_of_one_submission_is_rejected_and_points_to_the_first(
    settings: Settings, queue: RequestQueue
) -> None:
    first = submit(Submission(model="org/model"), settings, now=NOW).request_path
    assert first is not None
    second = put(settings, "org/again.json", revision=queue.get(first).revision)
    seen = view_queue(settings, now=NOW)
    assert seen.paths == [first]
    assert list(seen.refused) == [second]
    record = queue.get(second)
    assert record.status is Status.REJECTED
    assert codes(record) == ["duplicate"]
    assert first in record.evalboard.history[-1].reason
    assert view_queue(settings, now=NOW).refused == {}


def test_a_file_on_a_branch_turns_out_to_be_the_second(
    settings: Settings, queue: RequestQueue
) -> None:
    first = submit(Submission(model="org/model"), settings, now=NOW).request_path
    second = put(settings, "org/again.json", revision="main")
    assert view_queue(settings, now=NOW).refused == {}
    checked = check(second, settings, now=NOW)
    assert checked.startable is None
    assert checked.report is not None
    assert [finding.code for finding in checked.report.errors] == ["duplicate"]
    record = queue.get(second)
    assert record.status is Status.REJECTED
    assert str(first) in record.evalboard.history[-1].reason


def test_the_rules_hold_for_files_that_somebody_wrote(
    settings: Settings, queue: RequestQueue
) -> None:
    strict = settings.model_copy(update={"denied": "spam/*", "submissions_per_week": 1})
    one = put(settings, "1.json", submitted_time="2026-11-20T10:00:00Z")
    two = put(settings, "2.json", submitted_time="2026-11-20T11:00:00Z", revision="dev")
    spam = put(settings, "3.json", model="spam/model", sender="b")
    seen = view_queue(strict, now=NOW)
    assert seen.paths == [one]
    assert seen.refused.keys() == {two, spam}
    assert codes(queue.get(two)) == ["too_many_submissions"]
    assert codes(queue.get(spam)) == ["denied"]


@pytest.mark.usefixtures("every_check")
def test_a_good_file_of_others_is_pinned_and_remembered(
    settings: Settings, queue: RequestQueue
) -> None:
    path = put(settings, "org/a.json", revision="main", votes=3)
    checked = check(path, settings, now=NOW)
    assert checked.startable
    assert (checked.startable.request.request_path, checked.startable.attempt) == (path, 1)
    record = queue.get(path)
    assert record.revision == find_repository("org/model", "main", settings).revision
    assert record.evalboard.original == {"revision": "main"}
    assert record.model_dump()["votes"] == 3
    (entry,) = record.evalboard.history
    assert (entry.status, entry.time) == (Status.PENDING, "2026-11-21T10:00:00Z")
    check(path, settings, now=NOW + timedelta(days=1))
    assert len(queue.get(path).evalboard.history) == 1


def test_a_bad_file_is_rejected_with_its_report(settings: Settings, queue: RequestQueue) -> None:
    path = put(settings, "org/a.json", model="org/missing", block=None)
    checked = check(path, settings, now=NOW)
    assert checked.startable is None
    record = queue.get(path)
    assert (record.status, codes(record)) == (Status.REJECTED, ["model_not_found"])


@pytest.mark.usefixtures("every_check")
def test_what_was_decided_meanwhile_stays(
    settings: Settings, queue: RequestQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(settings, "org/a.json", evalboard=BoardBlock())
    entry = RequestQueue.entry

    def then_somebody_cancels(self: RequestQueue, name: str) -> QueuedRequest:
        found = entry(self, name)
        put(settings, path, status="CANCELLED")
        return found

    monkeypatch.setattr(RequestQueue, "entry", then_somebody_cancels)
    assert check(path, settings, now=NOW) == CheckedRequest()
    monkeypatch.undo()
    assert queue.get(path).status is Status.CANCELLED


def test_files_that_cannot_be_read_stop_no_poll(settings: Settings) -> None:
    good = put(settings, "org/a.json")
    strange = {"b.json": b"\xff", "c.json": b"[" * 10_000, "d.json": b" " * 2_000_000}
    store = open_store(settings.store_address("requests"), settings)
    store.commit([Write(path, content) for path, content in strange.items()], message="put")
    assert view_queue(settings, now=NOW).paths == [good]


@pytest.mark.usefixtures("every_check")
def test_a_request_that_cannot_be_started_leaves_its_place_to_others(settings: Settings) -> None:
    path = put(settings, "org/a.json", sender="a lab\0\n\x1b[31m\u202e")
    checked = check(path, settings, now=NOW)
    assert checked.startable
    assert checked.startable.request.sender == "a lab [31m"
    hold(path, EvalboardError("No run could be started."), settings, now=NOW)
    assert view_queue(settings, now=NOW).paths == []
    later = NOW + timedelta(minutes=1)
    assert view_queue(settings, now=later).paths == [path]
    again = check(path, settings, now=later)
    assert again.startable
    assert again.startable == checked.startable._replace(turn=checked.startable.turn + 1)


@pytest.mark.usefixtures("every_check")
def test_the_next_requests_are_ready_when_all_of_them_are_checked(settings: Settings) -> None:
    """They are those that a poll would start: a request that came first is not passed over."""
    late = put(settings, "late.json", submitted_time="2026-11-20T00:00:00Z")
    checked = check(late, settings, now=NOW)
    assert checked.startable
    assert ready(settings, at_most=1, skip=(), now=NOW) == [checked.startable]
    assert ready(settings, at_most=1, skip=[late], now=NOW) == []
    assert ready(settings, at_most=0, skip=(), now=NOW) == []

    early = put(settings, "z.json", submitted_time="2026-11-19T00:00:00Z", use_chat_template=True)
    assert ready(settings, at_most=1, skip=(), now=NOW) is None
    assert ready(settings, at_most=1, skip=[early], now=NOW) == [checked.startable]


@pytest.mark.usefixtures("every_check")
def test_what_a_poll_has_to_say_is_left_to_a_poll(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = check(put(settings, "a.json"), settings, now=NOW)
    assert checked.startable
    assert ready(settings, at_most=1, skip=(), now=NOW) == [checked.startable]
    revision = checked.startable.request.revision
    put(settings, "org/again.json", revision=revision)  # the same submission: it is refused
    assert ready(settings, at_most=1, skip=(), now=NOW) is None
    assert ready(settings, at_most=1, skip=(), now=NOW) == [checked.startable]
    monkeypatch.setattr(polling, "why_unfit", lambda settings: "no gcc")
    assert ready(settings, at_most=1, skip=(), now=NOW) is None


@pytest.mark.usefixtures("every_check")
def test_a_request_that_another_program_has_changed_is_not_ready(
    settings: Settings, queue: RequestQueue
) -> None:
    path = put(settings, "a.json")
    check(path, settings, now=NOW)
    changed = queue.get(path).model_copy(update={"sender": "another"})
    store = open_store(settings.store_address("requests"), settings)
    store.commit([Write(path, changed.to_json())], message="put")
    assert ready(settings, at_most=1, skip=(), now=NOW) is None


def test_what_older_boards_leave_out_is_named(settings: Settings, queue: RequestQueue) -> None:
    """Their files name models without organisations, and no base models of fine-tuned ones."""
    card = settings.models / "org" / "model" / "README.md" if settings.models else Path()
    card.write_text("---\nlicense: mit\n---\n# A model\n\nIt answers.\n", encoding="utf-8")
    reasons = [
        queue.get(path).evalboard.history[-1].reason
        for path in (
            put(settings, "gpt2.json", model="gpt2"),
            put(settings, "tuned.json", model_type="🔶 : fine-tuned", base_model=""),
        )
        if check(path, settings, now=NOW).startable is None
    ]
    assert "its organisation is missing. Use 'org/gpt2'" in reasons[0]
    report = queue.get("tuned.json").evalboard.report
    assert report is not None
    (fix,) = [f["fix"] for f in report["findings"] if f["code"] == "base_model_not_in_card"]
    assert "`base_model` of a request file" in fix
