from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.records.report import Report
from evalboard.validation.model_card import FRONT_MATTER_CHARACTERS, parse_card

from .conftest import codes

pytestmark = pytest.mark.usefixtures("without_transformers")

TEXT = "word " * 50


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
    assert codes(check()) == {"bad_card", "no_license"}


def test_front_matter_without_an_end() -> None:
    card = parse_card("---\nlicense: mit\n")
    assert card.metadata == {}
    assert "no end" in card.problem


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
    (model / "README.md").write_bytes(bytes(range(256)) * 8000)
    assert codes(check()) == {"no_license"}
