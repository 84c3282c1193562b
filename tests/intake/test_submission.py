"""Submitting to a real local store. The checks that need transformers are left out for speed."""

import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evalboard.errors import ConfigError
from evalboard.intake.submission import (
    Submission,
    Submitted,
    check_request,
    check_submission,
    is_checked,
    preview_submission,
    resolve_suite,
    submit,
)
from evalboard.records.choice import WeightType
from evalboard.records.request import BoardBlock, ModelType, RequestRecord, Status
from evalboard.repositories import find_repository
from evalboard.settings import Settings
from evalboard.stores.opening import open_queue
from evalboard.stores.requests import DuplicateRequest, RequestQueue
from tests.model_folders import write_model

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {"home": tmp_path / "home", "models": tmp_path / "models", "offline": True}
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "models" / "org" / "model")


@pytest.fixture
def queue(settings: Settings) -> RequestQueue:
    return open_queue(settings)


@pytest.mark.usefixtures("model")
def test_a_good_submission_becomes_a_pending_request(
    settings: Settings, queue: RequestQueue
) -> None:
    submission = Submission(
        model="org/model", model_type=ModelType.CHAT, sender="A lab\n\x1b[31m", priority=3
    )
    report, path = submit(submission, settings, now=NOW)
    assert report.ok
    assert path == f"org/model_eval_request_False_bfloat16_Original_{report.revision[:8]}.json"
    record = queue.entries()[0].record
    assert record is not None
    assert record.status is Status.PENDING
    assert record.revision == report.revision
    assert len(record.revision) == 40
    assert record.precision == "bfloat16"
    assert record.params == 0.0005
    assert record.model_type == "chat"
    assert record.sender == "A lab [31m"
    assert record.submitted_time == "2026-11-21T10:00:00Z"
    assert record.evalboard.suite == "open-medical"
    assert record.evalboard.priority == 3
    assert record.evalboard.report == report.to_document()
    [entry] = record.evalboard.history
    assert (entry.status, entry.time, entry.reason) == (
        Status.PENDING,
        "2026-11-21T10:00:00Z",
        "submitted",
    )


def test_a_bad_submission_writes_nothing(
    model: Path, settings: Settings, queue: RequestQueue
) -> None:
    (model / "README.md").unlink()
    report, path = submit(Submission(model="org/model"), settings, now=NOW)
    assert path is None
    assert {finding.code for finding in report.errors} == {"no_card", "no_license"}
    assert queue.entries() == []


@pytest.mark.usefixtures("model")
def test_the_same_submission_twice_names_the_first(settings: Settings) -> None:
    first = submit(Submission(model="org/model"), settings, now=NOW)
    with pytest.raises(DuplicateRequest, match="is PENDING") as caught:
        submit(Submission(model="org/model", revision=first.report.revision), settings, now=NOW)
    assert first.request_path is not None
    assert first.request_path in caught.value.message


@pytest.mark.usefixtures("model")
def test_a_preview_says_that_it_was_submitted_before(
    settings: Settings, queue: RequestQueue
) -> None:
    submission = Submission(model="org/model", sender="A lab")
    limited = settings.model_copy(update={"submissions_per_week": 1})
    assert preview_submission(submission, limited, now=NOW).ok
    assert queue.entries() == []
    path = submit(submission, limited, now=NOW).request_path
    assert path is not None
    [again] = preview_submission(submission, limited, now=NOW).errors
    assert (again.code, again.where) == ("duplicate", path)
    other = submission.model_copy(update={"use_chat_template": True, "precision": "float32"})
    codes = {f.code for f in preview_submission(other, limited, now=NOW).errors}
    assert "too_many_submissions" in codes
    queue.change(path, lambda r: r.model_copy(update={"status": Status.CANCELLED}), message="x")
    assert preview_submission(submission, limited, now=NOW).ok


def test_a_preview_needs_no_queue(model: Path, settings: Settings, tmp_path: Path) -> None:
    broken = settings.model_copy(update={"requests": str(tmp_path / "file")})
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    report = preview_submission(Submission(model="org/model"), broken)
    assert report.ok
    assert "queue_not_read" in {finding.code for finding in report.findings}
    assert preview_submission(Submission(model=str(model)), broken, allow_folder=True).ok


def test_a_new_revision_is_a_request_beside_the_old_one(
    model: Path, settings: Settings, queue: RequestQueue
) -> None:
    old = submit(Submission(model="org/model"), settings, now=NOW).request_path
    assert old is not None
    before = queue.get(old)
    (model / "notes.txt").write_text("newer", encoding="utf-8")
    new = submit(Submission(model="org/model"), settings, now=NOW).request_path
    assert new not in (None, old)
    assert queue.get(old) == before


def test_the_deny_list_holds_for_every_way_in(model: Path, settings: Settings) -> None:
    strict = settings.model_copy(update={"denied": "ORG/*"})
    report, path = submit(Submission(model="org/model"), strict, now=NOW)
    assert path is None
    assert [finding.code for finding in report.errors] == ["denied"]
    assert not check_submission(Submission(model="org/model"), strict).ok
    assert [finding.code for finding in check_request(request(), strict).report.errors] == [
        "denied"
    ]


@pytest.mark.usefixtures("model")
def test_more_than_a_sender_may_submit_in_a_week_is_a_finding(
    settings: Settings, queue: RequestQueue
) -> None:
    limited = settings.model_copy(
        update={"submissions_per_week": 1, "submission_exceptions": "big lab=2"}
    )

    def send(precision: str, sender: str, days: int = 0) -> Submitted:
        fields = {"model": "org/model", "precision": precision, "sender": sender}
        return submit(Submission.model_validate(fields), limited, now=NOW + timedelta(days=days))

    assert send("float32", "A lab").request_path
    refused = send("bfloat16", "a LAB")
    assert refused.request_path is None
    assert [finding.code for finding in refused.report.errors] == ["too_many_submissions"]
    assert len(queue.entries()) == 1
    with pytest.raises(DuplicateRequest):
        send("float32", "A lab")
    assert send("bfloat16", "a lab", days=8).request_path
    assert send("float16", "Big Lab").request_path


def test_a_delta_is_pinned_with_its_base(
    model: Path, settings: Settings, queue: RequestQueue
) -> None:
    shutil.copytree(model, model.with_name("base"))
    base = find_repository("org/base", "main", settings)
    submission = Submission(model="org/model", weight_type=WeightType.DELTA, base_model="org/base")
    submit(submission, settings, now=NOW)
    record = queue.entries()[0].record
    assert record is not None
    assert record.base_model == "org/base"
    assert record.evalboard.base_revision == base.revision
    # A file that others wrote names no revision of the base.
    bare = record.model_copy(update={"evalboard": BoardBlock()})
    assert check_request(bare, settings).record.evalboard.base_revision == base.revision


@pytest.mark.usefixtures("model")
def test_another_precision_or_suite_is_another_submission(
    settings: Settings, queue: RequestQueue
) -> None:
    submit(Submission(model="org/model"), settings, now=NOW)
    submit(Submission.model_validate({"model": "org/model", "precision": "float32"}), settings)
    assert len(queue.entries()) == 2


@pytest.mark.usefixtures("model")
def test_a_rejected_request_may_be_submitted_again(settings: Settings, queue: RequestQueue) -> None:
    path = submit(Submission(model="org/model"), settings, now=NOW).request_path
    assert path is not None
    queue.change(path, lambda r: r.model_copy(update={"status": Status.REJECTED}), message="x")
    assert submit(Submission(model="org/model"), settings, now=NOW).request_path == path


def test_a_folder_cannot_be_submitted(model: Path, settings: Settings) -> None:
    report, path = submit(Submission(model=str(model)), settings, now=NOW)
    assert path is None
    assert [finding.code for finding in report.errors] == ["invalid_name"]
    assert check_submission(Submission(model=str(model)), settings, allow_folder=True).ok


def test_an_unknown_suite_is_a_finding(settings: Settings) -> None:
    for suite in ("no-such-suite", "x" * 10_000, "/nowhere/\0.yaml"):
        resolved = resolve_suite(suite, settings)
        assert [finding.code for finding in resolved.findings] == ["unknown_suite"]


def test_the_suite_of_the_board_is_stored_by_its_name(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        "name: own\ntitle: Own\nbenchmarks: [{key: arc, title: ARC}]\n", encoding="utf-8"
    )
    own = settings.model_copy(update={"suite": str(file)})
    assert resolve_suite("", own).name == "own"
    assert resolve_suite(str(file), own).name == "own"
    assert resolve_suite("open-medical", own).name == "open-medical"
    assert resolve_suite(str(file), settings).name == str(file)


def test_a_broken_suite_of_the_board_rejects_nobody(settings: Settings) -> None:
    broken = settings.model_copy(update={"suite": "no-such-suite"})
    with pytest.raises(ConfigError, match="no-such-suite"):
        check_submission(Submission(model="org/model"), broken)


def request(**fields: Any) -> RequestRecord:
    return RequestRecord.model_validate({"model": "org/model", "precision": "bfloat16", **fields})


@pytest.mark.usefixtures("model")
def test_a_request_of_another_board_is_pinned_and_filled(settings: Settings) -> None:
    before = request(
        revision="", job_id=7, status="PENDING", votes=12, evalboard=BoardBlock(priority=2)
    )
    record, report = check_request(before, settings)
    assert report.ok
    assert record.revision == report.revision
    assert len(record.revision) == 40
    assert record.params == 0.0005
    assert record.evalboard.suite == "open-medical"
    assert record.evalboard.priority == 2
    assert record.evalboard.report == report.to_document()
    assert record.status is Status.PENDING
    assert record.model_dump()["votes"] == 12
    assert record.evalboard.original == {}
    again = check_request(record, settings)
    assert again.record == record


@pytest.mark.usefixtures("model")
def test_what_a_check_corrects_keeps_what_the_file_said(settings: Settings) -> None:
    content = b"""{"model": "org/model", "precision": "torch.bfloat16", "revision": "main",
    "params": "7B", "architectures": "Llama"}"""
    record = check_request(RequestRecord.from_json(content, path="a.json"), settings).record
    assert record.evalboard.original == {
        "precision": "torch.bfloat16",
        "revision": "main",
        "params": "7B",
    }
    assert (len(record.revision), record.params) == (40, 0.0005)
    assert check_request(record, settings).record == record


@pytest.mark.usefixtures("model")
def test_words_of_others_that_are_not_known_are_findings(settings: Settings) -> None:
    before = request(
        precision="int3", weight_type="Upside down", evalboard=BoardBlock(suite="unheard-of")
    )
    record, report = check_request(before, settings)
    assert {finding.code for finding in report.errors} == {
        "precision_unknown",
        "weight_type_unknown",
        "unknown_suite",
    }
    assert record.precision == "int3"
    assert record.to_json()


@pytest.mark.parametrize("name", ["/etc", "../..", "./x", "<b>", "gpt2", "org/nothing"])
def test_a_request_for_what_is_no_model_is_rejected(name: str, settings: Settings) -> None:
    before = request(model=name, revision="v1\n")
    record, report = check_request(before, settings)
    assert not report.ok
    assert RequestRecord.from_json(record.to_json(), path="x").model == name


def checked_request(settings: Settings) -> RequestRecord:
    """Return a request with a report that is whole."""
    record = check_request(request(), settings).record
    assert record.evalboard.report is not None
    report = record.evalboard.report | {"findings": []}
    return with_report(record, report)


def with_report(record: RequestRecord, report: Any) -> RequestRecord:
    block = record.evalboard.model_copy(update={"report": report})
    return record.model_copy(update={"evalboard": block})


@pytest.mark.usefixtures("model")
def test_a_whole_report_on_the_same_commit_is_not_made_again(settings: Settings) -> None:
    record = checked_request(settings)
    assert is_checked(record)
    assert not is_checked(record.model_copy(update={"revision": "0" * 40}))
    other_base = record.evalboard.model_copy(update={"base_revision": "0" * 40})
    assert not is_checked(record.model_copy(update={"evalboard": other_base}))
    # Without transformers, as in these tests, the report leaves a check to the poll.
    assert not is_checked(check_request(record, settings).record)


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    "changes",
    [
        {"findings": [{"level": "error", "code": "no_card", "message": "None."}]},
        {"findings": None},
        {"findings": [3]},
        {"revision": None},
        {"facts": []},
    ],
)
def test_a_report_with_an_error_or_of_strange_shape_counts_for_nothing(
    changes: dict[str, Any], settings: Settings
) -> None:
    record = checked_request(settings)
    assert record.evalboard.report is not None
    assert not is_checked(with_report(record, record.evalboard.report | changes))
    assert not is_checked(with_report(record, None))


def test_a_report_on_a_branch_counts_for_nothing() -> None:
    report = {"ok": True, "model": "org/model", "revision": "main", "findings": [], "facts": {}}
    assert not is_checked(with_report(request(revision="main"), report))
