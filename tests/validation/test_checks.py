from pathlib import Path

import pytest

from evalboard.errors import EngineError, StoreError
from evalboard.settings import Settings
from evalboard.validation.checks import validate
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome
from evalboard.validation.subject import Subject

from .conftest import codes

pytestmark = pytest.mark.usefixtures("without_transformers")


def test_a_model_that_is_nowhere_is_a_finding_beside_others(settings: Settings) -> None:
    subject = Subject.model_validate({"model": "org/nothing", "weight_type": "Delta"})
    report = validate(subject, settings)
    assert codes(report) == {"model_not_found", "no_base_model"}
    assert (report.model, report.revision) == ("org/nothing", "main")


def test_another_revision_is_not_found(model: Path, settings: Settings) -> None:
    report = validate(Subject(model="org/model", revision="v2"), settings)
    assert codes(report) == {"revision_not_found"}


@pytest.mark.parametrize(
    ("name", "revision"),
    [("<script>\ud800", "main"), ("org/model", "a\nb"), ("", "main"), ("x" * 10**6, "main")],
)
def test_nonsense_is_a_finding(name: str, revision: str, settings: Settings) -> None:
    subject = Subject.model_construct(model=name, revision=revision)
    report = validate(subject, settings)
    assert "invalid_name" in codes(report)
    assert report.model_dump_json()


def test_a_folder_is_taken_only_when_allowed(model: Path, settings: Settings) -> None:
    subject = Subject(model=str(model))
    assert codes(validate(subject, settings)) == {"invalid_name"}
    allowed = validate(subject, settings, allow_folder=True)
    assert allowed.ok
    assert allowed.model == "local/model"


def test_an_unreachable_hub_rejects_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    # Port 9 (discard) has no listener.
    online = settings.model_copy(update={"offline": False, "hub_endpoint": "http://127.0.0.1:9"})
    with pytest.raises(StoreError):
        validate(Subject(model="org/elsewhere"), online)


def test_a_failure_of_this_machine_names_the_model(model: Path, settings: Settings) -> None:
    def fail(evidence: Evidence) -> Outcome:
        raise EngineError("The disk is full.", log_tail="the end")

    with pytest.raises(
        EngineError, match="'org/model' was not checked. The disk is full"
    ) as caught:
        validate(Subject(model="org/model"), settings, checks=(fail,))
    assert caught.value.log_tail == "the end"
