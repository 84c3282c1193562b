from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.records.report import Report

from .conftest import codes

pytestmark = pytest.mark.usefixtures("without_transformers")


@pytest.fixture
def adapter(model: Path) -> Path:
    """The model's folder turned into an adapter's."""
    (model / "model.safetensors").rename(model / "adapter_model.safetensors")
    (model / "config.json").rename(model / "adapter_config.json")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (model / name).unlink()
    return model


@pytest.mark.usefixtures("adapter")
def test_an_adapter_lacks_nothing_but_support(check: Callable[..., Report]) -> None:
    report = check(weight_type="Adapter", base_model="org/base")
    assert codes(report) == {"weight_type_unsupported"}
    assert "not evaluated by this version" in report.summary()


@pytest.mark.parametrize("weight_type", ["Adapter", "Delta"])
@pytest.mark.parametrize(
    ("base_model", "code"), [("", "no_base_model"), ("<b>", "invalid_base_model")]
)
def test_the_base_model_must_be_named(
    weight_type: str, base_model: str, code: str, check: Callable[..., Report]
) -> None:
    assert code in codes(check(weight_type=weight_type, base_model=base_model))


def test_whole_weights_are_no_adapter(check: Callable[..., Report]) -> None:
    report = check(weight_type="Adapter", base_model="org/base")
    assert codes(report) == {"weight_type_unsupported", "no_adapter"}


@pytest.mark.usefixtures("adapter")
def test_an_adapter_submitted_as_whole_weights_is_recognised(
    check: Callable[..., Report],
) -> None:
    assert "is_adapter" in codes(check())


def test_a_strange_base_model_of_whole_weights_is_a_warning(
    check: Callable[..., Report],
) -> None:
    report = check(base_model="none of your business")
    assert report.ok
    assert codes(report) == {"invalid_base_model"}
