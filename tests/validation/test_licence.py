from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.records.report import Report

from .conftest import CARD, codes

pytestmark = pytest.mark.usefixtures("without_transformers")


def write_card(model: Path, licence: str) -> None:
    (model / "README.md").write_text(CARD.replace("license: apache-2.0", licence), encoding="utf-8")


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("license: mit", "mit"),
        ("license: [mit, apache-2.0]", "mit, apache-2.0"),
        ("license: other\nlicense_name: own\nlicense_link: https://x.org/l", "own"),
        ("license: no", "no"),
    ],
)
def test_a_licence_is_known(
    licence: str, expected: str, model: Path, check: Callable[..., Report]
) -> None:
    write_card(model, licence)
    report = check()
    assert report.ok
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
    assert f"without {wanting}." in report.summary()
