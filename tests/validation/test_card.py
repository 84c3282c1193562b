from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from evalboard.records.report import Report
from evalboard.validation import card, licence
from evalboard.validation.checks import Check
from evalboard.validation.model_card import FRONT_MATTER_CHARACTERS, parse_card

from .conftest import codes

pytestmark = pytest.mark.usefixtures("without_transformers")

TEXT = "word " * 50


@pytest.fixture
def checks() -> tuple[Check, ...]:
    return (
        card.check,
        licence.check,
    )


def test_no_card_is_no_licence_either(model: Path, check: Callable[..., Report]) -> None:
    (model / "README.md").unlink()
    assert codes(check()) == {"no_card", "no_license"}


@pytest.mark.parametrize(("letters", "expected"), [(199, {"short_card"}), (200, set())])
def test_a_card_must_say_something(
    letters: int, expected: set[str], model: Path, check: Callable[..., Report]
) -> None:
    text = "---\nlicense: mit\n---\n" + " \n" * 500 + "x" * letters
    (model / "README.md").write_text(text, encoding="utf-8")
    assert codes(check()) == expected


def test_line_ends_and_byte_order_marks_of_windows(
    model: Path, check: Callable[..., Report]
) -> None:
    text = f"\ufeff---\r\nlicense: mit\r\n---\r\n{TEXT}"
    (model / "README.md").write_bytes(text.encode())
    report = check()
    assert codes(report) == set()
    assert report.facts["license"] == "mit"


@pytest.mark.parametrize(
    "front_matter",
    [
        "license: [",
        "- a list",
        "\x00",
        "&a [*a]",
        "[" * 10_000,
        "{" * 10_000,
        "license: mit\n" + "x" * FRONT_MATTER_CHARACTERS,
        "? [a]\n: b",
    ],
)
def test_front_matter_that_cannot_be_read(
    front_matter: str, model: Path, check: Callable[..., Report]
) -> None:
    (model / "README.md").write_text(f"---\n{front_matter}\n---\n{TEXT}", encoding="utf-8")
    assert codes(check()) == {"bad_card"}


START = "license: mit\n"


@pytest.mark.parametrize(
    ("card", "metadata", "text"),
    [
        (f"\n---\n{START}---\n{TEXT}", {"license": "mit"}, TEXT),
        (f"\n\n---\n{START}---\n{TEXT}", {"license": "mit"}, TEXT),
        (f" \t\n  ---\n{START}---\n{TEXT}", {"license": "mit"}, TEXT),
        (f"\r\n---\r\nlicense: mit\r\n---\r\n{TEXT}", {"license": "mit"}, TEXT),
        (f"---\n\n{START}\n---  \n{TEXT}", {"license": "mit"}, TEXT),
        (f"---\n{START}---", {"license": "mit"}, ""),
        (f"---\n---\n{START}---\n{TEXT}", {"license": "mit"}, TEXT),
        (f"---\n---\n{TEXT}", {}, f"---\n---\n{TEXT}"),
        (f"--- \n{START}---\n{TEXT}", {}, f"--- \n{START}---\n{TEXT}"),
        (f"# Title\n---\n{START}---\n", {}, f"# Title\n---\n{START}---\n"),
        (f"----\n{START}----\n", {}, f"----\n{START}----\n"),
    ],
)
def test_a_card_is_split_where_the_hub_splits_it(
    card: str, metadata: dict[str, str], text: str
) -> None:
    found = parse_card(card)
    assert found.metadata == metadata
    assert found.text == text
    try:
        hub = ModelCard(card).data.to_dict()
    except ValueError:
        hub = {}  # "---" in the YAML: two documents, of which the Hub's client takes none
    assert found.metadata in (hub, {"license": "mit"} if "---\n---\nlic" in card else hub)


@pytest.mark.parametrize(
    ("front_matter", "place"),
    [
        ("---\nlicense: mit\ndescription: A model: tuned\n---\n", "line 3, column 21"),
        ("\n\n---\nlicense: mit\n\ntags: [a\n---\n", "line 6, column 9"),
        ("---\r\nlicense: mit\r\na: 'b\r\n---\r\n", "line 3"),
        ("---\nlicense: mit\n\tlanguage: en\n---\n", "line 3, column 1"),
        ("---\nlicense: mit\na: \x01\n---\n", "line 3"),
    ],
)
def test_an_error_of_yaml_is_one_finding_with_its_line(
    front_matter: str, place: str, model: Path, check: Callable[..., Report]
) -> None:
    (model / "README.md").write_text(front_matter + TEXT, encoding="utf-8", newline="")
    report = check(model_type="fine-tuned")
    assert [finding.code for finding in report.errors] == ["bad_card"]
    assert f"({place}" in report.summary()


def test_front_matter_after_a_line_that_the_hub_does_not_take() -> None:
    assert "without spaces" in parse_card(f"--- \n{START}---\n").problem


def test_front_matter_without_an_end() -> None:
    card = parse_card("---\nlicense: mit\n")
    assert card.metadata == {}
    assert "no closing line" in card.problem


@pytest.mark.parametrize(
    "value", ["!!int ''", "2026-99-99", "!!python/object/apply:os.system [x]", "1" * 5000]
)
def test_values_are_texts_whatever_they_pretend_to_be(value: str) -> None:
    assert parse_card(f"---\na: {value}\n---\n").problem == ""


def test_merge_keys_do_not_grow() -> None:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 40)]
    card = parse_card("---\n" + "\n".join(lines) + "\nlicense: mit\n---\n")
    assert card.metadata["license"] == "mit"


def test_a_card_of_any_bytes_is_read(model: Path, check: Callable[..., Report]) -> None:
    (model / "README.md").write_bytes(bytes(range(256)) * 4000)
    assert codes(check()) == {"no_license", "control_characters"}


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<SCRIPT src=//x>",
        "<iframe src='https://x.org'>",
        "<img src=x onerror=alert(1)>",
        "<a\nhref='x'\nonclick = 'f()'>",
        "[click](javascript:alert(1))",
        "<a href=' javascript:f()'>",
        "[a]\n\n[a]: javascript:f()",
        "- a list\n\n  <script>f()</script>",
        "`code` <script> `code`",
        "a paragraph\n    <script>f()</script>",
        "```\ncode\n```\n<script>",
        "<div>\n```\n<script>f()</script>\n```\n</div>",
        "    code\n\n<iframe>",
    ],
)
def test_what_a_browser_would_run(text: str, model: Path, check: Callable[..., Report]) -> None:
    (model / "README.md").write_text(f"---\nlicense: mit\n---\n{TEXT}\n\n{text}", encoding="utf-8")
    assert codes(check()) == {"active_content"}


@pytest.mark.parametrize(
    "text",
    [
        "<div align='center'><img src='https://x.org/a.png' width=300></div>",
        "Use `<script>` with care.",
        "```html\n<script>alert(1)</script>\n```\n",
        "~~~~\n~~~\n<iframe>\n~~~~\n",
        "    <script>f()</script>\n",
        "\t<script>f()</script>\n",
        "- a list\n\n     ```html\n     <script>f()</script>\n     ```\n",
        "1. a list\n\n       <script>f()</script>\n",
        "> ```\n> <iframe>\n> ```\n",
        "- a\n  - b\n\n    ~~~\n    <img onerror=f()>\n    ~~~\n",
        "```html\n<script>without an end</script>\n",
        "Use `` <script>`x` `` with care.",
        "a < b and only = 3, on = 4",
        "Describe the script; see javascript: the good parts.",
    ],
)
def test_what_it_would_not(text: str, model: Path, check: Callable[..., Report]) -> None:
    (model / "README.md").write_text(f"---\nlicense: mit\n---\n{TEXT}\n\n{text}", encoding="utf-8")
    assert codes(check()) == set()


@pytest.mark.parametrize(
    "line", ["tags: ['<b>x</b>']", "license_name: '<img src=x>'", 'base_model: "a\\u202eb"']
)
def test_front_matter_that_no_page_can_show(
    line: str, model: Path, check: Callable[..., Report]
) -> None:
    text = f"---\nlicense: mit\n{line}\n---\n{TEXT}"
    (model / "README.md").write_text(text, encoding="utf-8")
    assert codes(check()) == {"unsafe_metadata"}


@pytest.mark.parametrize("start", ["", "> " * 50], ids=["plain", "in quotes"])
@pytest.mark.parametrize(
    "unit",
    ["<a", "<a ", "`", "```\n~~~\n", "](", "= javascript", "<a on", "- a\n", "[a]: b\n", "a\n"],
)
def test_a_card_made_to_be_slow_to_read(
    unit: str, start: str, model: Path, check: Callable[..., Report]
) -> None:
    (model / "README.md").write_text(f"---\nlicense: mit\n---\n{start}{unit * 60_000}<script>")
    assert codes(check()) <= {"active_content"}
