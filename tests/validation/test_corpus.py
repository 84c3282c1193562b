"""Every repository of the corpus: refused for the right reason, or passed."""

import sys
import tempfile
import time
from pathlib import Path

import pytest

from evalboard.records.report import Report
from evalboard.settings import Settings
from evalboard.validation import child
from evalboard.validation.checks import validate
from evalboard.validation.subject import Subject

from .corpus import Case, cases

CASES = cases()
SAME_TO_LOAD = ("card", "index", "licence", "pointer", "weights")
"""Themes whose stories are told in files that nothing loads."""
SLOW = (
    "adapter: half",
    "adapter: modules",
    "hostile template that acts by",
    "hostile template that acts on all",
    "hostile template that acts on long",
    "hostile template that acts on many",
    "hostile tokenizer of many",
)
"""Beginnings of the names of cases that take seconds, each beside a quicker one of its kind."""
MOST_BYTES = 2 * 10**9
MOST_SECONDS = 20


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    """Let no case wait for the libraries to be imported."""
    with tempfile.TemporaryDirectory() as scratch:
        child.load("config", Path(scratch), Path(scratch))


def theme(case: Case) -> str:
    """Return the first word of a case's name, which the cases of one theme share."""
    return case.name.replace(":", " ").split()[0]


FIRST_OF_THEME = {theme(case): case for case in reversed(CASES)}


@pytest.fixture(
    params=[
        pytest.param(
            case, id=case.name, marks=pytest.mark.slow if case.name.startswith(SLOW) else ()
        )
        for case in CASES
    ]
)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A case; where nothing that is loaded is new to it, all checks run without loading."""
    case: Case = request.param
    if theme(case) in SAME_TO_LOAD and case is not FIRST_OF_THEME[theme(case)]:
        monkeypatch.setitem(sys.modules, "transformers", None)
    return case


@pytest.fixture
def subject(case: Case, tmp_path: Path) -> Subject:
    """The repository of a case, made."""
    folder = tmp_path / "models" / "org" / "model"
    folder.mkdir(parents=True)
    return Subject.model_validate({"model": "org/model"} | (case.build(folder) or {}))


def test_the_report_says_what_is_wrong(case: Case, subject: Subject, settings: Settings) -> None:
    started = time.process_time()
    report = validate(subject, settings)
    assert time.process_time() - started < MOST_SECONDS
    assert child.peak_bytes() < MOST_BYTES
    assert Report.model_validate_json(report.model_dump_json()) == report
    if not case.code:
        assert report.errors == ()
        return
    found = [finding.where for finding in report.errors if finding.code == case.code]
    assert found, report.summary()
    assert any(case.where in where for where in found), found


def test_the_corpus_is_large_enough() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    broken = [case for case in CASES if case.code]
    assert len(broken) >= 60
    assert len(CASES) - len(broken) >= 10
