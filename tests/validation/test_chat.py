import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.records.report import Report
from evalboard.validation import chat, tokenizer
from evalboard.validation.checks import Check

from .conftest import codes, edit_json

pytestmark = pytest.mark.usefixtures("without_transformers")


@pytest.fixture
def checks() -> tuple[Check, ...]:
    return (
        chat.check,
        tokenizer.check,
    )


@pytest.fixture(autouse=True)
def _no_template(model: Path) -> None:
    (model / "chat_template.jinja").unlink()
    edit_json(model / "tokenizer_config.json", chat_template=None)


def test_a_template_asked_for_must_be_there(check: Callable[..., Report]) -> None:
    assert codes(check(use_chat_template=True)) == {"no_chat_template"}
    assert codes(check(use_chat_template=False)) == set()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("chat_template.jinja", "{{ messages }}"),
        ("chat_template.json", json.dumps({"chat_template": "{{ messages }}"})),
        ("tokenizer_config.json", json.dumps({"chat_template": "{{ messages }}"})),
        (
            "tokenizer_config.json",
            json.dumps({"chat_template": [{"name": "default", "template": "{{ messages }}"}]}),
        ),
    ],
)
def test_a_template_may_be_in_any_of_its_places(
    file: str, content: str, model: Path, check: Callable[..., Report]
) -> None:
    (model / file).write_text(content, encoding="utf-8")
    report = check(use_chat_template=True)
    assert codes(report) == set()
    assert report.facts["has_chat_template"] is True


def test_a_broken_tokenizer_config_holds_no_template(
    model: Path, check: Callable[..., Report]
) -> None:
    (model / "tokenizer_config.json").write_text("{", encoding="utf-8")
    assert codes(check(use_chat_template=True)) == {"no_chat_template", "bad_tokenizer_config"}
