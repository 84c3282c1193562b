import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.records.report import Report
from evalboard.settings import Settings
from evalboard.validation.checks import validate
from evalboard.validation.subject import Subject

from .conftest import codes, edit_json
from .stored import QUANTISED_PARTS, write_tensors

pytestmark = pytest.mark.usefixtures("without_transformers")


def test_whole_weights_are_no_adapter(base: Path, check: Callable[..., Report]) -> None:
    report = check(weight_type="Adapter", base_model=f"org/{base.name}")
    assert codes(report) == {"no_adapter"}


@pytest.mark.usefixtures("adapter")
@pytest.mark.parametrize("asked", [{}, {"weight_type": "Delta", "base_model": "org/base"}])
def test_an_adapter_submitted_as_something_else_is_recognised(
    asked: dict[str, str], check: Callable[..., Report]
) -> None:
    assert "is_adapter" in codes(check(**asked))


def test_an_adapter_beside_whole_weights_changes_nothing(
    model: Path, check: Callable[..., Report]
) -> None:
    before = check()
    (model / "adapter_config.json").write_text("{}", encoding="utf-8")
    (model / "adapter_model.safetensors").write_bytes(b"nothing")
    assert check().model_copy(update={"revision": before.revision}) == before


def test_a_delta_has_its_own_config_and_its_bases_tokenizer(
    model: Path, base: Path, check: Callable[..., Report]
) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (model / name).unlink()
    assert "no_tokenizer" in codes(check())
    report = check(weight_type="Delta", base_model="org/base")
    assert codes(report) == set()
    assert report.facts["base_model"] == "org/base"
    assert len(report.facts["base_revision"]) == 40
    assert report.facts["params_billion"] == check().facts["params_billion"]
    (model / "config.json").unlink()
    assert "no_config" in codes(check(weight_type="Delta", base_model="org/base"))


def test_a_delta_of_another_size_than_its_base(
    model: Path, base: Path, check: Callable[..., Report]
) -> None:
    adapter = {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}
    header = json.dumps({"a": adapter}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(6)
    (base / "model.safetensors").write_bytes(content)
    assert codes(check(weight_type="Delta", base_model="org/base")) == {"delta_size"}


def test_a_delta_is_not_added_to_quantised_weights(
    model: Path, base: Path, check: Callable[..., Report]
) -> None:
    edit_json(model / "config.json", quantization_config={"quant_method": "bitsandbytes"})
    write_tensors(model / "model.safetensors", QUANTISED_PARTS["bitsandbytes_8bit"])
    report = check(weight_type="Delta", base_model="org/base")
    assert "precision_unsupported" in codes(report)
    assert "Weights of type Delta" in report.summary()


def test_a_strange_base_model_of_whole_weights_is_a_warning(
    check: Callable[..., Report],
) -> None:
    report = check(base_model="none of your business")
    assert report.ok
    assert codes(report) == {"invalid_base_model"}
    assert "base_revision" not in report.facts


def test_folders_only_for_those_who_are_on_the_machine(
    model: Path, base: Path, settings: Settings
) -> None:
    subject = Subject.model_validate(
        {"model": "org/model", "weight_type": "Delta", "base_model": str(base)}
    )
    assert codes(validate(subject, settings)) == {"invalid_base_model"}
    report = validate(subject, settings, allow_folder=True)
    assert report.ok
    assert report.facts["base_model"] == "local/base"
