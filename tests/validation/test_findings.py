import json

import pytest

from evalboard.validation import findings
from evalboard.wording import MAX_TEXT_CHARACTERS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("two\nlines\tand \x1b[31mcolour", "two lines and [31mcolour"),
        ("half a pair: \ud800", "half a pair:"),
        ("\u202eright to left", "right to left"),
    ],
)
def test_a_finding_can_be_stored_and_shown(text: str, expected: str) -> None:
    finding = findings.error("code", text, fix=text, where=text)
    assert finding.message == expected
    assert json.loads(finding.model_dump_json())["where"] == expected


def test_a_finding_is_short() -> None:
    assert len(findings.error("code", "x" * 10**6).message) == MAX_TEXT_CHARACTERS
    assert len(findings.quoted("x" * 10**6)) < 130


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a'b", '"a\'b"'), (None, "None"), (3, "3"), ([1], "a list"), ({}, "a dict")],
)
def test_values_are_quoted(value: object, expected: str) -> None:
    assert findings.quoted(value) == expected


def test_many_values_are_counted() -> None:
    assert findings.listed(list("abcdefg")) == "'a', 'b', 'c', 'd', 'e' and 2 more"
