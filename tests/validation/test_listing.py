"""The repository as a whole, on a small server that speaks the Hub's protocol."""

from pathlib import Path

import pytest

from evalboard.records.report import Report
from evalboard.settings import Settings
from evalboard.validation import listing
from evalboard.validation.checks import validate
from evalboard.validation.subject import Subject
from tests.repositories.conftest import SHA, SmallHub, hub, hub_settings

from .conftest import codes

__all__ = ["hub", "hub_settings"]
pytestmark = pytest.mark.usefixtures("without_transformers")


def check(settings: Settings, model: str = "org/model", revision: str = "main") -> Report:
    subject = Subject(model=model, revision=revision)
    return validate(subject, settings, checks=(listing.check,))


@pytest.mark.parametrize("revision", ["main", "v1"])
def test_a_branch_or_tag_becomes_a_commit(revision: str, hub_settings: Settings) -> None:
    assert check(hub_settings, revision=revision).revision == SHA


def test_a_renamed_repository_is_checked_under_its_new_name(hub_settings: Settings) -> None:
    report = check(hub_settings, model="org/old")
    assert report.model == "org/model"
    assert "renamed" in {finding.code for finding in report.findings}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"private": True}, "model_private"),
        ({"gated": "manual"}, "model_gated"),
        ({"disabled": True}, "model_disabled"),
    ],
)
def test_what_others_cannot_get(
    said: dict[str, object], expected: str, hub: SmallHub, hub_settings: Settings
) -> None:
    hub.info = said
    assert expected in codes(check(hub_settings))
    open_to_all = hub_settings.model_copy(update={"closed_models": True})
    assert (expected in codes(check(open_to_all))) == (expected == "model_disabled")


def test_files_that_are_not_given_out_are_said_too(hub: SmallHub, hub_settings: Settings) -> None:
    hub.gated = True
    assert codes(check(hub_settings)) == {"model_gated"}


def test_a_path_that_leaves_the_repository_is_named(hub_settings: Settings) -> None:
    report = check(hub_settings)
    assert "../escape.json" in [f.where for f in report.errors if f.code == "unsafe_path"]


def test_many_bad_paths_are_a_few_findings(model: Path, settings: Settings) -> None:
    for number in range(50):
        (model / f"{number}.json").symlink_to("/etc/hostname")
    report = check(settings)
    found = [finding for finding in report.errors if finding.code == "unsafe_path"]
    assert len(found) == 6
    assert found[-1].message == "45 more files are ignored."


def test_a_revision_that_there_is_not(hub_settings: Settings) -> None:
    assert codes(check(hub_settings, revision="v2")) == {"revision_not_found"}
