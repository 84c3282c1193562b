import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from itsdangerous import TimestampSigner, URLSafeSerializer

from evalboard.errors import StoreError
from evalboard.intake.submission import Submitted
from evalboard.records.choice import ModelChoice, WeightType
from evalboard.records.precision import Precision
from evalboard.records.report import Report
from evalboard.records.request import ModelType
from evalboard.settings import Settings
from evalboard.stores.addresses import open_board, open_queue, open_store
from leaderboard_app import submissions
from leaderboard_app.app import make_viewers
from leaderboard_app.board_data import follow_queue
from leaderboard_app.live_queue import LiveQueue
from leaderboard_app.login import VALID_SECONDS, Tickets
from leaderboard_app.pages import Viewer
from leaderboard_app.submissions import (
    LONGEST_NAME,
    Form,
    add_submission_routes,
    read_form,
)
from tests.leaderboard_app.serving import build_app, serving
from tests.leaderboard_app.submitted import write_model


@pytest.fixture
def viewer(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Viewer:
    """A viewer on a machine that has the viewer alone, with a folder of models."""
    monkeypatch.setitem(sys.modules, "transformers", None)
    return make_viewers(settings.model_copy(update={"models": tmp_path / "models"}))[0]


def replace_settings(viewer: Viewer, settings: Settings) -> Viewer:
    return replace(viewer, settings=settings)


def client_of(viewer: Viewer) -> TestClient:
    app = FastAPI()
    add_submission_routes(app, viewer)
    return TestClient(app)


@pytest.fixture
def client(viewer: Viewer) -> Iterator[TestClient]:
    with client_of(viewer) as client:
        yield client


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of `org/model`, which passes the checks of such a machine."""
    return write_model(tmp_path / "models" / "org" / "model")


def pending(viewer: Viewer) -> list[str]:
    store = open_store(viewer.settings.store_address("requests"), viewer.settings)
    return sorted(store.snapshot().files)


def test_an_untouched_form_asks_for_what_is_stored() -> None:
    submission = read_form(Form.model_validate({"model": "  org/model "}), "")
    assert (submission.model, submission.revision) == ("org/model", "main")
    assert submission.precision is None
    assert submission.weight_type is WeightType.ORIGINAL


def test_reads_every_field() -> None:
    form = {
        "model": "org/model",
        "revision": " v2 ",
        "precision": "4bit",
        "weight_type": "Adapter",
        "base_model": " org/base ",
        "base_revision": " v1 ",
        "model_type": "chat",
        "use_chat_template": True,
        "enable_thinking": True,
        "think_end_token": " </think>\n",
    }
    submission = read_form(Form.model_validate(form), " lab ")
    assert submission.revision == "v2"
    assert submission.precision is Precision.INT4
    assert submission.weight_type is WeightType.ADAPTER
    assert (submission.base_model, submission.base_revision) == ("org/base", "v1")
    assert submission.model_type is ModelType.CHAT
    assert submission.use_chat_template
    assert submission.enable_thinking
    assert submission.think_end_token == "</think>"
    assert submission.sender == "lab"


def test_an_address_says_which_revision_is_meant() -> None:
    address = "https://huggingface.co/org/model/tree/v2"

    def read(**fields: str) -> tuple[str, str]:
        form = Form.model_validate(fields)
        return form.model, form.revision

    assert read(model=address) == read(model=address, revision="v2") == ("org/model", "v2")
    assert read(model=address, revision="v3") == (address, "v3")
    base = Form.model_validate({"model": "a/b", "base_model": address})
    assert (base.base_model, base.base_revision, base.revision) == ("org/model", "v2", "main")


def test_whole_weights_keep_the_model_that_they_were_made_from() -> None:
    form = Form.model_validate({"model": "org/model", "base_model": " org/base "})
    assert read_form(form, "").base_model == "org/base"


def test_a_form_asks_for_all_that_says_which_model_is_meant() -> None:
    assert ModelChoice.model_fields.keys() <= Form.model_fields.keys()


@pytest.mark.parametrize("field", ["model", "revision", "base_model", "base_revision"])
def test_a_text_that_is_no_name_is_refused(field: str, client: TestClient) -> None:
    form = {"model": "org/model", field: "x" * (LONGEST_NAME + 1)}
    answer = client.post("/api/check", json=form)
    assert answer.status_code == 422
    assert field in answer.text


@pytest.mark.parametrize("field", [{"priority": 9}, {"suite": "demo"}, {"precision": "int1"}])
def test_strangers_choose_no_priority_and_no_suite(
    field: dict[str, Any], client: TestClient, viewer: Viewer
) -> None:
    answer = client.post("/api/submissions", json={"model": "org/model", **field})
    assert answer.status_code == 422
    assert pending(viewer) == []


def test_check_lists_findings_and_submits_nothing(
    client: TestClient, viewer: Viewer, model: Path
) -> None:
    (model / "README.md").unlink()
    answer = client.post("/api/check", json={"model": "org/model"})
    assert answer.status_code == 200
    document = answer.json()
    assert not document["ok"]
    assert "error" in {finding["level"] for finding in document["report"]["findings"]}
    assert document["report"]["facts"]["precision"] == "bfloat16"
    assert pending(viewer) == []


def test_submit_puts_a_good_model_into_the_queue_once(
    client: TestClient, viewer: Viewer, model: Path
) -> None:
    answer = client.post("/api/submissions", json={"model": "org/model", "sender": "lab"})
    assert answer.status_code == 201
    (path,) = pending(viewer)
    assert path.startswith("org/model_eval_request_False_bfloat16_Original_")
    assert answer.json()["request"] == path
    again = client.post("/api/submissions", json={"model": "org/model"})
    assert again.status_code == 409
    assert "org/model" in again.json()["error"]
    assert pending(viewer) == [path]


def test_submit_refuses_a_bad_model_with_the_report(
    client: TestClient, viewer: Viewer, model: Path
) -> None:
    (model / "model.safetensors").unlink()
    answer = client.post("/api/submissions", json={"model": "org/model"})
    assert answer.status_code == 422
    assert answer.json()["request"] is None
    assert "safetensors" in json.dumps(answer.json()["report"]["findings"])
    assert pending(viewer) == []


@pytest.mark.parametrize("name", ["", "no-organisation", "../../etc/passwd", "no/such"])
def test_a_name_that_is_no_model_says_what_to_do(
    name: str, client: TestClient, viewer: Viewer
) -> None:
    answer = client.post("/api/submissions", json={"model": name})
    assert answer.status_code == 422
    findings = answer.json()["report"]["findings"]
    assert any(finding["level"] == "error" and finding["fix"] for finding in findings)
    assert not re.search(r"EVALBOARD_|HF_|\./|/models", json.dumps(findings).replace(name, ""))
    assert pending(viewer) == []


@pytest.mark.usefixtures("model")
def test_a_mistyped_name_is_answered_with_the_one_that_exists(
    client: TestClient, tmp_path: Path
) -> None:
    answer = client.post("/api/check", json={"model": "org/modle"})
    assert answer.json()["report"]["facts"]["similar_models"] == ["org/model"]
    (finding,) = answer.json()["report"]["findings"]
    assert finding["fix"].startswith("Did you mean 'org/model'? ")
    assert str(tmp_path) not in answer.text
    assert "EVALBOARD" not in answer.text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_submits_nothing(
    site: str, client: TestClient, viewer: Viewer, model: Path
) -> None:
    headers = {"Sec-Fetch-Site": site}
    answer = client.post("/api/submissions", json={"model": "org/model"}, headers=headers)
    assert answer.status_code == 403
    form = client.post("/api/submissions", data={"model": "org/model"})
    assert form.status_code == 422
    assert pending(viewer) == []


def test_what_went_wrong_inside_is_not_told_to_strangers(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise StoreError("The store in /home/somebody cannot be read.")

    monkeypatch.setattr(submissions, "preview_submission", fail)
    answer = client.post("/api/check?lang=de", json={"model": "org/model"})
    assert answer.status_code == 503
    assert "/home" not in answer.text
    assert "Das ist gerade nicht möglich" in answer.json()["error"]


class SlowCheck(NamedTuple):
    begun: threading.Semaphore
    go_on: threading.Event

    def begin(self, post: Callable[[], Any]) -> list[threading.Thread]:
        """Take all places for checks."""
        threads = [threading.Thread(target=post) for _ in range(submissions.CHECKS_AT_ONCE)]
        for thread in threads:
            thread.start()
            assert self.begun.acquire(timeout=300)
        return threads


@pytest.fixture
def slow_check(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowCheck]:
    """A check that ends when the test says so, with an error."""
    slow = SlowCheck(threading.Semaphore(0), threading.Event())

    def wait(*_arguments: object, **_options: object) -> None:
        slow.begun.release()
        slow.go_on.wait()
        raise StoreError("ended")

    monkeypatch.setattr(submissions, "preview_submission", wait)
    yield slow
    slow.go_on.set()


def test_more_checks_than_can_wait_are_sent_away(
    viewer: Viewer, slow_check: SlowCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submissions, "CHECKS_WAITING", 0)
    with client_of(viewer) as client:
        post: Callable[[], Any] = lambda: client.post("/api/check", json={"model": "a/b"})  # noqa: E731
        threads = slow_check.begin(post)
        busy = post()
        slow_check.go_on.set()
        for thread in threads:
            thread.join()
        assert (busy.status_code, busy.headers["retry-after"]) == (503, "60")
        assert "Too many checks" in busy.json()["error"]
        assert "Too many checks" not in post().json()["error"]


@pytest.mark.parametrize(
    "error", [RuntimeError("Symlink loop from /home/x"), KeyError("/home/x"), RecursionError()]
)
def test_an_unknown_error_of_a_check_is_told_in_words(
    error: Exception, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(submissions, "preview_submission", fail)
    monkeypatch.setattr(submissions, "submit", fail)
    for path in ("/api/check", "/api/submissions"):
        answer = client.post(path, json={"model": "org/model"})
        assert (answer.status_code, answer.headers["x-error-code"]) == (500, "unknown")
        assert "Tell the operators" in answer.json()["error"]
        assert "/home" not in answer.text


def test_submissions_of_a_day_are_limited_whatever_names_are_typed(
    viewer: Viewer, model: Path
) -> None:
    limited = viewer.settings.model_copy(update={"viewer_submissions": 2})
    with client_of(replace_settings(viewer, limited)) as client:
        form = {"model": "org/model", "sender": "one"}
        # What is not queued does not count.
        assert client.post("/api/submissions", json={"model": "no/such"}).status_code == 422
        assert client.post("/api/submissions", json=form).status_code == 201
        assert client.post("/api/submissions", json=form).status_code == 409
        chat = form | {"use_chat_template": False, "precision": "float16", "sender": "two"}
        assert client.post("/api/submissions", json=chat).status_code == 201
        full = client.post("/api/submissions", json=form | {"sender": "three"})
        assert full.status_code == 429
        assert "limit of submissions to this board" in full.json()["error"]
        assert client.post("/api/check", json=form).status_code == 200


def test_a_remaining_number_is_not_read_from_the_store_each_time(
    viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Settings] = []

    def count(settings: Settings) -> Any:
        asked.append(settings)
        return open_queue(settings)

    monkeypatch.setattr(submissions, "open_queue", count)
    limited = viewer.settings.model_copy(update={"submissions_per_week": 5})
    with client_of(replace_settings(viewer, limited)) as client:
        for sender in ("a", "b", "c", "a"):
            assert client.get("/api/limits", params={"sender": sender}).json()["made"] == 0
    assert len(asked) == 1


def test_where_people_log_in_only_a_ticket_submits(
    viewer: Viewer, model: Path, settings: Settings
) -> None:
    tickets = Tickets()
    with client_of(replace(viewer, tickets=tickets)) as client:
        form = {"model": "org/model", "sender": "somebody-else"}
        assert client.post("/api/check", json=form).status_code == 200
        for forged in ("", "Ticket x", f"Ticket {Tickets().write('mallory')}", "Basic abc"):
            answer = client.post("/api/submissions", json=form, headers={"Authorization": forged})
            assert answer.status_code == 401, forged
        assert pending(viewer) == []
        headers = {"Authorization": f"Ticket {tickets.write('alice')}"}
        assert client.post("/api/submissions", json=form, headers=headers).status_code == 201
        (path,) = pending(viewer)
    store = open_store(viewer.settings.store_address("requests"), viewer.settings)
    assert json.loads(store.snapshot().read(path))["sender"] == "alice"


@pytest.mark.usefixtures("model")
def test_the_proxys_user_is_the_sender_whatever_the_form_says(viewer: Viewer) -> None:
    named = viewer.settings.model_copy(update={"viewer_user_header": "X-Forwarded-User"})
    form = {"model": "org/model", "sender": "mallory"}
    with serving(build_app(named)) as address:

        def send(*users: str) -> int:
            heads = [("X-Forwarded-User", user) for user in users]
            return httpx.post(
                f"{address}/api/submissions", json=form, headers=heads, timeout=300
            ).status_code

        assert [send(), send("alice", "bob"), send("alice")] == [401, 401, 201]
    (entry,) = open_queue(viewer.settings).entries()
    assert entry.record is not None
    assert entry.record.sender == "alice"
    with serving(build_app(named.model_copy(update={"viewer_proxies": "192.0.2.1"}))) as address:
        assert send("alice") == 401


def test_a_ticket_names_its_account_until_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    def set_clock(seconds: int) -> None:
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: seconds)

    tickets = Tickets()
    set_clock(1000)
    ticket = tickets.write("alice:x")
    name, _, signature = ticket.partition(".")
    forged = str(URLSafeSerializer("another key").dumps("mallory")).partition(".")[0]
    assert tickets.read(f"{forged}.{signature}") is None
    assert tickets.read(f"{name}.") is None
    assert tickets.read("é:1:x") is None
    set_clock(1000 + VALID_SECONDS)
    assert tickets.read(ticket) == "alice:x"
    set_clock(1001 + VALID_SECONDS)
    assert tickets.read(ticket) is None


def test_limits_are_counted_in_the_queue_itself(viewer: Viewer, model: Path) -> None:
    limited = viewer.settings.model_copy(update={"submissions_per_week": 1})
    with client_of(replace_settings(viewer, limited)) as client:
        assert client.get("/api/limits?sender=lab").json() == {
            "allowed": 1,
            "made": 0,
            "again": None,
        }
        assert client.post(
            "/api/submissions", json={"model": "org/model", "sender": "lab"}
        ).is_success
        told = client.get("/api/limits?sender=LAB").json()
    assert (told["allowed"], told["made"]) == (1, 1)
    assert told["again"]


def test_limits_are_told_where_there_are_none(client: TestClient) -> None:
    assert client.get("/api/limits?sender=clinic-lab").json()["allowed"] is None
    assert client.get("/api/limits", params={"sender": "x" * 300}).status_code == 422


def test_who_submits_finds_the_model_in_the_queue_at_once(viewer: Viewer, model: Path) -> None:
    """Also while nothing publishes the queue, and not twice when it is published."""
    store = open_board(viewer.settings)
    rare = LiveQueue(follow_queue(store, viewer.boards, max_age_seconds=3600), viewer.boards)
    assert rare.current().entries == ()
    with client_of(replace(viewer, queue=rare)) as client:
        sent = client.post("/api/submissions", json={"model": "org/model", "sender": "lab"}).json()
    (entry,) = rare.current().entries
    assert (entry.request, entry.model, entry.sender) == (sent["request"], "org/model", "lab")
    assert entry.status == "PENDING"
    (published,) = viewer.queue.current().entries
    (queued,) = open_queue(viewer.settings).entries()
    assert queued.record is not None
    both = LiveQueue(follow_queue(store, viewer.boards, max_age_seconds=0), viewer.boards)
    both.add(Submitted(Report(model="", revision=""), (queued.path,), (queued.record,)))
    assert both.current().entries == (published,)
    later = queued.record.model_copy(update={"submitted_time": "2999-01-01T00:00:00Z"})
    both.add(Submitted(Report(model="", revision=""), (queued.path,), (later,)))
    assert [entry.submitted_time[:4] for entry in both.current().entries] == ["2999"]


def test_names_are_completed_from_the_mirror_where_the_hub_may_not_be_asked(
    client: TestClient, model: Path
) -> None:
    assert client.get("/api/names?q=MOD").json() == {"names": ["org/model"]}
    assert client.get("/api/names?q=m").json() == {"names": []}
    assert client.get("/api/names?q=..%2F..").json() == {"names": []}
