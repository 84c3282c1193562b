from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalboard.records.report import Level, Report
from evalboard.validation import lineage
from evalboard.validation.checks import Check

from .conftest import CARD, edit_json

pytestmark = pytest.mark.usefixtures("without_transformers")


@pytest.fixture
def checks() -> tuple[Check, ...]:
    return (lineage.check,)


def write_card(model: Path, *lines: str) -> None:
    text = CARD.replace("language: en", "\n".join(["language: en", *lines]))
    (model / "README.md").write_text(text, encoding="utf-8")


def levels(report: Report) -> dict[str, Level]:
    """Return code and level of what is said, but for what a machine without transformers says."""
    return {f.code: f.level for f in report.findings if f.code != "checked_by_poll"}


@pytest.mark.parametrize(
    ("asked", "card", "expected"),
    [
        ({"model_type": "pretrained"}, [], {}),
        ({"model_type": "fine-tuned"}, [], {"base_model_not_in_card": Level.ERROR}),
        ({"model_type": "continuously pretrained"}, [], {"base_model_not_in_card": Level.ERROR}),
        ({"model_type": "chat"}, [], {"base_model_not_in_card": Level.WARNING}),
        ({"model_type": "fine-tuned"}, ["base_model: org/base"], {}),
        ({"model_type": "fine-tuned", "base_model": "org/base"}, [], {}),
        ({"model_type": "merge"}, [], {"merge_not_marked": Level.WARNING}),
        ({"model_type": "merge"}, ["tags: [merge]"], {}),
        ({"model_type": "pretrained"}, ["tags: [MergeKit]"], {"merge_not_marked": Level.WARNING}),
        ({}, ["tags: [merge]"], {}),
    ],
)
def test_where_a_model_comes_from(
    asked: dict[str, Any],
    card: list[str],
    expected: dict[str, Level],
    model: Path,
    check: Callable[..., Report],
) -> None:
    write_card(model, *card)
    assert levels(check(**asked)) == expected


def test_a_merge_is_a_fact(model: Path, check: Callable[..., Report]) -> None:
    assert "merged" not in check().facts
    write_card(model, "base_model_relation: merge")
    assert check().facts["merged"] is True


@pytest.mark.parametrize("change", [{"num_local_experts": 8}, {"text_config": {"num_experts": 2}}])
def test_a_mixture_of_experts_is_a_fact(
    change: dict[str, Any], model: Path, check: Callable[..., Report]
) -> None:
    edit_json(model / "config.json", **change)
    report = check()
    assert report.facts["moe"] is True
    assert levels(report)["moe_not_marked"] is Level.INFO
    write_card(model, "tags: [moe]")
    assert "moe_not_marked" not in levels(check())


STRANGE = (
    "/content/drive/MyDrive/llama-7b",
    "https://huggingface.co/org/base",
    "./checkpoints/checkpoint-500",
    "C:\\models\\llama",
    "org/base/main",
)


@pytest.mark.parametrize("name", STRANGE)
def test_a_base_model_that_is_no_name(name: str, model: Path, check: Callable[..., Report]) -> None:
    write_card(model, f"base_model: '{name}'")
    assert levels(check(model_type="fine-tuned")) == {"invalid_base_model": Level.ERROR}
    assert levels(check(model_type="chat")) == {"invalid_base_model": Level.WARNING}
    assert levels(check()) == {"invalid_base_model": Level.WARNING}
    named = check(model_type="fine-tuned", base_model="org/base")
    assert levels(named) == {"invalid_base_model": Level.WARNING}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("base_model: gpt2", {}),
        ("base_model: [org/base, /tmp/other]", {"invalid_base_model": Level.WARNING}),
    ],
)
def test_one_name_is_enough(
    line: str, expected: dict[str, Level], model: Path, check: Callable[..., Report]
) -> None:
    write_card(model, line)
    assert levels(check(model_type="fine-tuned")) == expected
