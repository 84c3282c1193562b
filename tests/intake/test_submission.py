"""Submitting to a real local store. The checks that need transformers are left out for speed."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evalboard.errors import ConfigError
from evalboard.intake.submission import (
    Submission,
    Submitted,
    check_submission,
    preview_submission,
    submit,
)
from evalboard.intake.suite_findings import generation_findings, suite_name, unknown_suite
from evalboard.records.board_files import QUEUE_FILE
from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.records.report import Report
from evalboard.records.request import ModelType, Status
from evalboard.repositories import find_repository
from evalboard.settings import Settings
from evalboard.stores.addresses import open_board
from evalboard.stores.requests import DuplicateRequest, RequestQueue
from evalboard.suites.loader import load_suite

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.mark.usefixtures("model")
def test_a_good_submission_becomes_a_pending_request(
    settings: Settings, queue: RequestQueue
) -> None:
    submission = Submission(
        model="org/model", model_type=ModelType.CHAT, sender="A lab\n\x1b[31m", priority=3
    )
    report, paths, _ = submit(submission, settings, now=NOW)
    assert report.ok
    (path,) = paths
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
    report, paths, _ = submit(Submission(model="org/model"), settings, now=NOW)
    assert paths == ()
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
    other = submission.model_copy(
        update={"use_chat_template": True, "precision": Precision.FLOAT32}
    )
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


def test_who_is_denied_does_not_wait_for_the_checks(model: Path, settings: Settings) -> None:
    strict = settings.model_copy(update={"denied": "ORG/*"})
    report, paths, _ = submit(Submission(model="org/model"), strict, now=NOW)
    assert paths == ()
    assert [finding.code for finding in report.errors] == ["denied"]
    (model / "README.md").unlink()
    checked = check_submission(Submission(model="org/model"), strict)
    assert [finding.code for finding in checked.findings] == ["denied"]
    assert [f.code for f in preview_submission(Submission(model="org/model"), strict).findings] == [
        "denied"
    ]


@pytest.mark.usefixtures("model")
def test_a_submission_is_in_the_published_queue_at_once(settings: Settings) -> None:
    submit(Submission(model="org/model"), settings, now=NOW)
    published = open_board(settings).snapshot().read(QUEUE_FILE)
    assert [entry["model"] for entry in json.loads(published)] == ["org/model"]


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
    report, paths, _ = submit(Submission(model=str(model)), settings, now=NOW)
    assert paths == ()
    assert [finding.code for finding in report.errors] == ["invalid_name"]
    assert check_submission(Submission(model=str(model)), settings, allow_folder=True).ok


OWN_SUITE = "name: {name}\ntitle: Own\nbenchmarks: [{{key: arc, title: ARC}}]\n"


def write_suite(folder: Path, name: str, file: str = "own.yaml") -> str:
    path = folder / file
    path.write_text(OWN_SUITE.format(name=name), encoding="utf-8")
    return str(path)


def test_an_unknown_suite_is_a_finding(settings: Settings) -> None:
    for suite in ("no-such-suite", "x" * 10_000, "/nowhere/\0.yaml"):
        finding = unknown_suite(suite, settings)
        assert finding is not None
        assert finding.code == "unknown_suite"
        assert len(suite_name(suite, settings)) <= 100


def test_a_request_names_a_suite_by_its_name_and_never_by_a_path(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    board = write_suite(tmp_path, "own")
    further = write_suite(tmp_path, "further", "further.yaml")
    other = write_suite(tmp_path, "other", "other.yaml")
    own = settings.model_copy(update={"suite": board, "suites": further})
    assert suite_name("", own) == suite_name("own", own) == "own"
    for name in ("further", "open-medical"):
        assert (suite_name(name, own), unknown_suite(name, own)) == (name, None)
    for path in (board, further, other, "other.yaml", "./own.yaml", "../other", "other"):
        assert unknown_suite(path, own) is not None
    assert unknown_suite(other, own, allow_file=True) is None


def suites_of(queue: RequestQueue) -> list[str]:
    return sorted(entry.record.evalboard.suite for entry in queue.entries() if entry.record)


@pytest.mark.usefixtures("model")
def test_a_submission_to_several_suites_is_a_request_for_each(
    settings: Settings, queue: RequestQueue
) -> None:
    several = settings.model_copy(update={"suites": "medical-es, demo"})
    submission = Submission(model="org/model")
    first = submit(submission, several, suites=["medical-es"], now=NOW)
    assert (len(first.request_paths), suites_of(queue)) == (1, ["medical-es"])
    report, paths, _ = submit(submission, several, suites=["medical-es", "demo", "demo"], now=NOW)
    assert (len(paths), suites_of(queue)) == (1, ["demo", "medical-es"])
    (again,) = (finding for finding in report.findings if finding.code == "duplicate")
    assert (again.level, again.where) == ("info", first.request_path)
    with pytest.raises(DuplicateRequest):
        submit(submission, several, suites=["medical-es", "demo"], now=NOW)
    preview = preview_submission(submission, several, suites=["medical-es", "demo"], now=NOW)
    assert [finding.code for finding in preview.errors] == ["duplicate", "duplicate"]


@pytest.mark.usefixtures("model")
def test_a_submission_that_one_suite_refuses_is_made_to_none(
    settings: Settings, queue: RequestQueue
) -> None:
    several = settings.model_copy(update={"suites": "open-medical-cot", "submissions_per_week": 1})
    for suites, code in (
        (["open-medical", "open-medical-cot"], "template_required"),
        (["open-medical", "nonsense"], "unknown_suite"),
        (["open-medical", "demo"], "too_many_submissions"),
    ):
        report, paths, _ = submit(Submission(model="org/model"), several, suites=suites, now=NOW)
        assert ([finding.code for finding in report.errors], paths) == ([code], ())
    assert queue.entries() == []


@pytest.mark.usefixtures("model")
def test_a_suite_without_a_board_is_a_warning(settings: Settings) -> None:
    report = preview_submission(Submission(model="org/model"), settings, suites=["demo"], now=NOW)
    assert report.ok
    (found,) = (f for f in report.findings if f.code == "suite_without_board")
    assert "'open-medical'" in found.fix
    several = settings.model_copy(update={"suites": "demo"})
    report = preview_submission(Submission(model="org/model"), several, suites=["demo"], now=NOW)
    assert "suite_without_board" not in {finding.code for finding in report.findings}


def test_a_broken_suite_of_the_board_rejects_nobody(settings: Settings) -> None:
    broken = settings.model_copy(update={"suite": "no-such-suite"})
    with pytest.raises(ConfigError, match="no-such-suite"):
        check_submission(Submission(model="org/model"), broken)


def words(settings: Settings, **choice: Any) -> set[str]:
    """Return the codes of the findings on a submission to a suite of answers in words."""
    submission = Submission(model="org/model", suite="open-medical-cot", **choice)
    return {finding.code for finding in check_submission(submission, settings).findings}


def test_a_suite_of_answers_in_words_asks_for_the_chat_template(
    model: Path, settings: Settings
) -> None:
    (model / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    assert "template_required" in words(settings)
    assert words(settings, use_chat_template=True).isdisjoint(
        {"template_required", "thinking_expected"}
    )
    other = check_submission(Submission(model="org/model"), settings)
    assert "template_required" not in {finding.code for finding in other.findings}


def test_and_for_thinking_where_the_template_has_a_switch(model: Path, settings: Settings) -> None:
    switch = "{{ messages }}{{ enable_thinking }}"
    (model / "chat_template.jinja").write_text(switch, encoding="utf-8")
    submission = Submission(
        model="org/model", suite="open-medical-cot", use_chat_template=True, priority=1
    )
    report = check_submission(submission, settings)
    assert report.ok  # a model has a row with and one without thinking
    assert "thinking_expected" in {finding.code for finding in report.findings}
    thinks = {"use_chat_template": True, "enable_thinking": True}
    assert "thinking_expected" not in words(settings, **thinks)


@pytest.mark.parametrize(("length", "is_refused"), [(1024, True), (4096, False), (None, False)])
def test_and_for_room_for_an_answer(length: int | None, is_refused: bool) -> None:
    report = Report(model="org/model", revision="main", facts={"max_length": length})
    choice = Submission(model="org/model", use_chat_template=True)
    found = generation_findings(choice, load_suite("open-medical-cot"), report)
    assert ["context_too_short"] * is_refused == [finding.code for finding in found]
