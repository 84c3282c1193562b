"""A model that is to think can be told to, and the end of its thinking is known."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.reading.thinking import END_TOKENS
from evalboard.records.report import Report
from evalboard.validation import chat, thinking
from evalboard.validation.checks import Check

from .conftest import codes, edit_json

QUIET = "{% for message in messages %}{{ message.content }}{% endfor %}"
SWITCHED = QUIET + "{% if enable_thinking %}<think>{% endif %}"


@pytest.fixture
def checks() -> tuple[Check, ...]:
    return (chat.check, thinking.check)


@pytest.fixture
def template(model: Path) -> Callable[[str], None]:
    def write(text: str) -> None:
        (model / "chat_template.jinja").write_text(text, encoding="utf-8")

    write(SWITCHED)
    return write


def add_token(model: Path, content: str) -> None:
    path = model / "tokenizer.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    last = document["added_tokens"][-1]
    document["added_tokens"].append(last | {"id": 258, "content": content})
    path.write_text(json.dumps(document), encoding="utf-8")


def test_thinking_needs_the_template(check: Callable[..., Report]) -> None:
    report = check(enable_thinking=True)
    assert codes(report) == {"thinking_without_template"}
    assert "think_end_token" not in report.facts


@pytest.mark.usefixtures("without_transformers")
@pytest.mark.parametrize("token", END_TOKENS)
def test_the_template_has_the_end(
    token: str, template: Callable[[str], None], check: Callable[..., Report]
) -> None:
    template(SWITCHED + f"{{# it ends with {token} #}}")
    report = check(use_chat_template=True, enable_thinking=True)
    assert codes(report) == set()
    assert report.facts["think_end_token"] == token


@pytest.mark.usefixtures("without_transformers", "template")
def test_what_only_the_tokenizer_knows_is_left_to_an_installation_that_has_one(
    check: Callable[..., Report],
) -> None:
    report = check(use_chat_template=True, enable_thinking=True)
    assert codes(report) == set()
    assert "think_end_token" not in report.facts


@pytest.mark.usefixtures("template")
def test_the_vocabulary_has_the_end(model: Path, check: Callable[..., Report]) -> None:
    asked = {"use_chat_template": True, "enable_thinking": True}
    report = check(**asked)
    assert codes(report) == {"no_think_end"}
    (finding,) = report.findings
    assert "think_end_token" in finding.fix
    add_token(model, "[/THINK]")
    report = check(**asked)
    assert codes(report) == set()
    assert report.facts["think_end_token"] == "[/THINK]"


@pytest.mark.usefixtures("template")
def test_a_named_end_comes_first_and_must_be_text_that_the_tokenizer_keeps(
    model: Path, check: Callable[..., Report]
) -> None:
    add_token(model, "</think>")
    named = {"use_chat_template": True, "enable_thinking": True, "think_end_token": " ## ANSWER "}
    report = check(**named)
    assert codes(report) == set()
    assert report.facts["think_end_token"] == "## ANSWER"
    path = model / "tokenizer.json"
    edit_json(path, normalizer={"type": "Lowercase"})
    assert codes(check(**named)) == {"unknown_think_end"}
    assert codes(check(**named | {"think_end_token": "x" * 101})) == {"unknown_think_end"}


@pytest.mark.usefixtures("without_transformers")
def test_a_template_without_a_switch_is_said(
    template: Callable[[str], None], check: Callable[..., Report]
) -> None:
    template(QUIET + "<think>{# </think> #}")
    report = check(use_chat_template=True, enable_thinking=True)
    assert codes(report) == {"no_thinking_switch"}
    assert report.ok


@pytest.mark.usefixtures("without_transformers")
def test_without_thinking_nothing_is_asked(check: Callable[..., Report]) -> None:
    report = check(use_chat_template=True, think_end_token="</think>")
    assert codes(report) == set()
    assert "think_end_token" not in report.facts


def test_the_template_is_rendered_in_both_ways(
    template: Callable[[str], None], check: Callable[..., Report]
) -> None:
    template("{% if enable_thinking %}</think>{% else %}" + QUIET + "{% endif %}")
    assert codes(check(use_chat_template=True)) == set()
    report = check(use_chat_template=True, enable_thinking=True)
    assert codes(report) == {"chat_template_fails"}
