"""Token ids beyond the embedding, and tokenizers that take long or behave for known texts alone."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from evalboard.records.report import Report
from evalboard.validation import tokenizer
from evalboard.validation.checks import Check

from .conftest import codes, edit_json

ROWS = 258


@pytest.fixture
def checks() -> tuple[Check, ...]:
    return (tokenizer.check,)


def add_token(model: Path, content: str, **changes: Any) -> None:
    """Add a token behind the last row of the embedding, special unless it is said otherwise."""
    path = model / "tokenizer.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    last = document["added_tokens"][-1]
    number = ROWS + sum(token["id"] >= ROWS for token in document["added_tokens"])
    document["added_tokens"].append(last | {"id": number, "content": content} | changes)
    path.write_text(json.dumps(document), encoding="utf-8")


def put_first(model: Path, token: str) -> None:
    """Let the tokenizer put a token before every text."""
    path = model / "tokenizer.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    number = next(t["id"] for t in document["added_tokens"] if t["content"] == token)
    document["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": token, "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {token: {"id": token, "ids": [number], "tokens": [token]}},
    }
    path.write_text(json.dumps(document), encoding="utf-8")


def write_template(model: Path, text: str) -> None:
    (model / "chat_template.jinja").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda model: add_token(model, "<|endoftext|>"),
        lambda model: edit_json(
            model / "tokenizer_config.json",
            tokenizer_class="Qwen2Tokenizer",
            bos_token=None,
            eos_token=None,
        ),
        lambda model: edit_json(model / "tokenizer_config.json", pad_token="<pad>"),
        lambda model: edit_json(
            model / "tokenizer_config.json", extra_special_tokens=["<a>", "<b>", "<c>"]
        ),
    ],
    ids=["a token in the file", "a token of the class", "padding", "several"],
)
def test_special_tokens_that_no_prompt_contains_are_a_warning(
    change: Callable[[Path], None], model: Path, check: Callable[..., Report]
) -> None:
    change(model)
    report = check(use_chat_template=True)
    assert codes(report) == {"special_token_outside"}
    assert "No prompt contains these tokens" in report.findings[-1].message


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        (lambda model: add_token(model, "<tool>", special=False), {}),
        (lambda model: (add_token(model, "<start>"), put_first(model, "<start>")), {}),
        (
            lambda model: (
                add_token(model, "<user>"),
                write_template(model, "<user>{{ messages[0].content }}"),
            ),
            {"use_chat_template": True},
        ),
        (
            lambda model: (
                add_token(model, "<a>"),
                add_token(model, "<b>"),
                write_template(
                    model, "{{ messages[0].content }}{% if messages[2] %}<b>{% endif %}"
                ),
            ),
            {"use_chat_template": True},
        ),
    ],
    ids=["ordinary", "before every text", "in the template", "in later turns"],
)
def test_tokens_that_prompts_can_contain_are_an_error(
    change: Callable[[Path], Any],
    asked: dict[str, Any],
    model: Path,
    check: Callable[..., Report],
) -> None:
    change(model)
    assert codes(check(**asked)) == {"tokenizer_too_large"}


def test_a_template_that_is_not_used_produces_nothing(
    model: Path, check: Callable[..., Report]
) -> None:
    add_token(model, "<user>")
    write_template(model, "<user>{{ messages[0].content }}")
    assert codes(check(use_chat_template=False)) == {"special_token_outside"}


@pytest.mark.parametrize(
    "pattern", ["(?:.*[a-z ]){20}[\x01\x02]", "Question: (?:.*[a-z ]){20}[\x01\x02]"]
)
def test_a_panic_is_a_finding_that_names_the_file(
    pattern: str, model: Path, check: Callable[..., Report]
) -> None:
    split = {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }
    edit_json(model / "tokenizer.json", pre_tokenizer=split)
    report = check()
    assert codes(report) == {"tokenizer_fails"}
    assert "PanicException" in report.summary()
    assert report.errors[0].where == "tokenizer.json"


def many_special_tokens(model: Path, number: int) -> None:
    names = [f"<s{n}>" for n in range(number)]
    text = json.dumps({"additional_special_tokens": names})
    (model / "special_tokens_map.json").write_text(text, encoding="utf-8")


def many_prefixes(model: Path, number: int) -> None:
    steps = [{"type": "Prepend", "prepend": "a" * number}] * number
    edit_json(model / "tokenizer.json", normalizer={"type": "Sequence", "normalizers": steps})


@pytest.mark.parametrize(
    "make_slow",
    [lambda model: many_special_tokens(model, 100_000), lambda model: many_prefixes(model, 4_000)],
    ids=["special tokens", "prefixes"],
)
def test_a_tokenizer_that_takes_long_is_a_finding_that_says_so(
    make_slow: Callable[[Path], None],
    model: Path,
    check: Callable[..., Report],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evalboard.validation.evidence.TOKENIZER_SECONDS", 1)
    make_slow(model)
    report = check()
    assert codes(report) == {"tokenizer_fails"}
    assert "within the time limit (at most 1 s of processor time" in report.summary()


@pytest.mark.slow
def test_a_tokenizer_that_takes_long_ends_as_promised(
    model: Path, check: Callable[..., Report]
) -> None:
    many_special_tokens(model, 100_000)
    assert "at most 10 s of processor time" in check().summary()


def test_a_package_that_is_not_installed_is_no_fault_of_the_repository(
    model: Path, check: Callable[..., Report]
) -> None:
    if find_spec("sacremoses"):
        pytest.skip("the package is installed")
    (model / "tokenizer.json").unlink()
    (model / "vocab.json").write_text('{"<unk>": 0, "a": 1}', encoding="utf-8")
    (model / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    edit_json(model / "tokenizer_config.json", tokenizer_class="XLMTokenizer")
    report = check()
    assert codes(report) == {"package_missing"}
    assert "sacremoses" in report.summary()
    assert "Ask the board's operators" in report.summary()
