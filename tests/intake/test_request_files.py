"""Checking request files. The checks that need transformers are left out for speed."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from evalboard.intake.request_files import check_request, is_checked
from evalboard.records.request import BoardBlock, RequestRecord, Status
from evalboard.repositories import find_repository
from evalboard.settings import Settings


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


def test_a_denied_file_is_checked_no_further(settings: Settings) -> None:
    strict = settings.model_copy(update={"denied": "ORG/*"})
    record, report = check_request(request(precision="int3"), strict)
    assert [finding.code for finding in report.findings] == ["denied"]
    assert (record.precision, record.revision) == ("int3", "main")


def test_an_adapters_file_is_pinned_to_its_base(model: Path, settings: Settings) -> None:
    shutil.copytree(model, model.with_name("base"))
    base = find_repository("org/base", "main", settings)
    bare = request(weight_type="Delta", base_model="org/base")
    assert check_request(bare, settings).record.evalboard.base_revision == base.revision
