from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.records.report import Report
from evalboard.validation import licence
from evalboard.validation.checks import Check

from .conftest import CARD, codes

pytestmark = pytest.mark.usefixtures("without_transformers")


@pytest.fixture
def checks() -> tuple[Check, ...]:
    return (licence.check,)


def write_card(model: Path, licence: str) -> None:
    (model / "README.md").write_text(CARD.replace("license: apache-2.0", licence), encoding="utf-8")


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("license: mit", "mit"),
        ("license: [mit, apache-2.0]", "mit, apache-2.0"),
        ("license: other\nlicense_name: own\nlicense_link: https://x.org/l", "own"),
        ("license: LGPL-3.0-or-later", "LGPL-3.0-or-later"),
        ("license: llama3.1", "llama3.1"),
        ("license: other\nlicense_name: own\nlicense_link: LICENSE.md", "own"),
        ("license: other\nlicense_name: own\nlicense_link: ./docs/terms.txt", "own"),
        ("license: other\nlicense_name: own\nlicense_link: /LICENSE.md#terms", "own"),
        ("license: other\nlicense_name: own\nlicense_link: blob/main/docs/terms.txt", "own"),
    ],
)
def test_a_licence_is_known(
    licence: str, expected: str, model: Path, check: Callable[..., Report]
) -> None:
    write_card(model, licence)
    (model / "docs").mkdir()
    for name in ("LICENSE.md", "docs/terms.txt"):
        (model / name).write_text("Terms", encoding="utf-8")
    report = check()
    assert codes(report) == set()
    assert report.facts["license"] == expected


@pytest.mark.parametrize("licence", ["", "license:", "license: ''", "license: {mit: yes}"])
def test_no_licence(licence: str, model: Path, check: Callable[..., Report]) -> None:
    write_card(model, licence)
    assert codes(check()) == {"no_license"}


@pytest.mark.parametrize(
    ("licence", "wanting"),
    [
        ("license: other", "license_name and license_link"),
        ("license: other\nlicense_name: own", "license_link"),
    ],
)
def test_another_licence_needs_name_and_link(
    licence: str, wanting: str, model: Path, check: Callable[..., Report]
) -> None:
    write_card(model, licence)
    report = check()
    assert codes(report) == {"license_incomplete"}
    assert f"Missing: {wanting}." in report.summary()


@pytest.mark.parametrize("name", ["no", "mine", "unknown", "Apache License 2.0", "mit\ufeff x"])
def test_a_licence_that_nobody_knows(name: str, model: Path, check: Callable[..., Report]) -> None:
    write_card(model, f"license: [mit, {name}]")
    assert codes(check()) >= {"unknown_license"}


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "ftp://x.org",
        "https://x.org/ a",
        "LICENSE.md",
        "./LICENSE",
        "../LICENSE",
        "/etc/hostname",
        "readme.md",
        "docs",
    ],
)
def test_a_link_that_is_none(link: str, model: Path, check: Callable[..., Report]) -> None:
    write_card(model, f"license: other\nlicense_name: own\nlicense_link: '{link}'")
    assert codes(check()) == {"bad_license_link"}


def test_a_link_that_leads_nowhere_beside_a_known_licence_is_a_warning(
    model: Path, check: Callable[..., Report]
) -> None:
    write_card(model, "license: llama3.1\nlicense_link: LICENSE")
    report = check()
    assert report.ok
    assert codes(report) == {"bad_license_link"}


def test_the_link_of_a_base_model_is_a_file_of_the_base(
    adapter: Path, base: Path, check: Callable[..., Report]
) -> None:
    write_card(base, "license: other\nlicense_name: own\nlicense_link: TERMS.md")
    asked = {"weight_type": "Adapter", "base_model": "org/base"}
    assert "bad_license_link" in codes(check(**asked))
    (base / "TERMS.md").write_text("Terms", encoding="utf-8")
    assert "bad_license_link" not in codes(check(**asked))
