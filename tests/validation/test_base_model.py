from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import close_session, constants

from evalboard.records.report import Report
from evalboard.settings import Settings
from evalboard.validation import base_model
from evalboard.validation.checks import Check, validate
from evalboard.validation.subject import Subject
from tests.hub.server import running_hub

from .conftest import codes, edit_json

pytestmark = pytest.mark.usefixtures("without_transformers")


@pytest.fixture
def checks() -> tuple[Check, ...]:
    return (base_model.check,)


@pytest.mark.parametrize("weight_type", ["Adapter", "Delta"])
@pytest.mark.parametrize(
    ("base_model", "code"), [("", "no_base_model"), ("<b>", "invalid_base_model")]
)
def test_it_must_be_named(
    weight_type: str, base_model: str, code: str, check: Callable[..., Report]
) -> None:
    report = check(weight_type=weight_type, base_model=base_model)
    assert code in codes(report)
    assert "Name the base model as `org/name`." in report.summary()


def test_it_must_be_there(adapter: Path, base: Path, check: Callable[..., Report]) -> None:
    missing = check(weight_type="Adapter", base_model="org/nowhere")
    assert codes(missing) >= {"base_model_not_found"}
    other = check(weight_type="Adapter", base_model="org/base", base_revision="0" * 40)
    assert codes(other) >= {"base_model_not_found"}
    assert "has no revision" in other.summary()


def test_its_revision_is_pinned(adapter: Path, base: Path, check: Callable[..., Report]) -> None:
    first = check(weight_type="Adapter", base_model="org/base").facts["base_revision"]
    edit_json(base / "config.json", initializer_range=0.5)
    second = check(weight_type="Adapter", base_model="org/base").facts["base_revision"]
    assert first != second


def test_its_weights_are_checked_too(
    adapter: Path, base: Path, check: Callable[..., Report]
) -> None:
    (base / "model.safetensors").rename(base / "pytorch_model.bin")
    report = check(weight_type="Adapter", base_model="org/base")
    (finding,) = report.errors
    assert finding.code == "no_safetensors"
    assert finding.message.startswith(
        "Base model 'org/base': The weights exist only as pickle files"
    )
    assert finding.where == "org/base: pytorch_model.bin"


def test_an_adapter_is_no_base(adapter: Path, base: Path, check: Callable[..., Report]) -> None:
    for path in base.iterdir():
        path.unlink()
    for path in adapter.iterdir():
        (base / path.name).write_bytes(path.read_bytes())
    assert "no_safetensors" in codes(check(weight_type="Adapter", base_model="org/base"))


def test_whole_weights_may_name_one_that_is_not_there_but_the_report_says_so(
    model: Path, settings: Settings, checks: tuple[Check, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = Subject(model="org/model", base_model="org/nowhere")
    assert codes(validate(subject, settings, checks=checks)) == set()  # a mirror need not have it
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with running_hub() as hub:
        online = settings.model_copy(update={"offline": False, "hub_endpoint": hub.address})
        report = validate(subject, online, checks=checks)
        close_session()
    assert codes(report) == {"base_model_not_found"}
    assert report.ok
