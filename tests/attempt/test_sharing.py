"""Suites and rows that share a benchmark, with stand-in engines and real stores."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evalboard.attempt import course, running
from evalboard.attempt.course import Steps
from evalboard.attempt.model import AttemptEnd
from evalboard.engine.placing import placement
from evalboard.identity import document_folder
from evalboard.records.request import BoardBlock, RequestRecord, Status
from evalboard.records.result import ResultDocument
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_store
from evalboard.stores.results import answers_path
from evalboard.suites.loader import load_suite
from tests.attempt.answering_engine import ANSWERS
from tests.attempt.claimed import claimed
from tests.engine_specs import REVISION, engine_spec
from tests.stand_in_engine import calls

SUITE = """name: {name}
title: {name}
benchmarks:
  - {{key: pubmedqa, title: PubMedQA{more}}}
  - {{key: {other}, title: Other}}
"""


@pytest.fixture(scope="module", autouse=True)
def _engines(stand_in_engines: None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placement, "MADE_OF", "tests.attempt.answering_engine")
        yield


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, other, more in (
        ("first", "medmcqa", ""),
        ("second", "medqa_4options", ""),
        ("third", "medqa_4options", ", metric: 'acc_norm,none'"),
    ):
        text = SUITE.format(name=name, other=other, more=more)
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def settings_of(home: Path) -> dict[str, str]:
    files = [str(home / f"{name}.yaml") for name in ("first", "second", "third")]
    return {"suite": files[0], "suites": ", ".join(files[1:])}


def evaluate(home: Path, suite_name: str, *, thinks: bool = False) -> AttemptEnd:
    """Evaluate a suite as the flow does."""
    suite = load_suite(str(home / f"{suite_name}.yaml"))
    keys = tuple(benchmark.key for benchmark in suite.benchmarks)
    spec = engine_spec(
        home,
        settings=settings_of(home),
        name=f"engine-{suite_name}",
        suite=suite,
        benchmarks=keys,
        is_only_run=True,
    )
    request = RequestRecord(
        model="test/model",
        revision=REVISION,
        use_chat_template=thinks,
        enable_thinking=thinks,
        evalboard=BoardBlock(suite=suite_name),
    )
    attempt = claimed(spec, request, f"run-{suite_name}-{thinks}", now=datetime.now(UTC))
    steps = Steps(
        running.plan_attempt,
        running.load_model,
        lambda attempt, plans: [running.evaluate_benchmark(attempt, plan) for plan in plans],
    )
    (ended,) = course.run(attempt, steps)
    return ended.end


def asked(home: Path) -> list[str]:
    """Return the benchmarks that engines were asked, in order."""
    noted = calls(home / "work" / "compiled" / REVISION)
    return [call[0] for call in noted if call[0] not in ("plan", "load")]


def documents(home: Path) -> dict[str, ResultDocument]:
    settings = Settings.model_validate({"home": home})
    found = open_archive(settings).read().documents
    return {document.evalboard.suite: document for document in found}


def test_a_benchmark_of_two_suites_is_evaluated_once_and_stored_for_both(home: Path) -> None:
    ends = [evaluate(home, name) for name in ("first", "second", "third")]
    assert [end.status for end in ends] == [Status.FINISHED] * 3
    # The third suite has another metric, by which other answers are right.
    assert asked(home) == ["pubmedqa", "medmcqa", "medqa_4options", "pubmedqa"]
    first, second, third = (documents(home)[name] for name in ("first", "second", "third"))
    assert second.results["pubmedqa"] == first.results["pubmedqa"]
    assert second.evalboard.benchmark_keys["pubmedqa"] == first.evalboard.benchmark_keys["pubmedqa"]
    assert second.evalboard.taken_from == {"pubmedqa": ends[0].document_path}
    assert third.evalboard.taken_from == {"medqa_4options": ends[1].document_path}
    assert first.evalboard.taken_from == {}
    assert ends[1].scores == {"pubmedqa": 0.25, "medqa_4options": 0.25}
    stored = open_store(str(home / "results")).snapshot()
    for document in (first, second):
        path = answers_path(document_folder(document), "pubmedqa")
        assert stored.read(path) == ANSWERS


def test_another_row_of_the_model_gets_the_scores_with_the_same_key_as_its_own(home: Path) -> None:
    first = evaluate(home, "first")
    thinking = evaluate(home, "first", thinks=True)
    assert asked(home) == ["pubmedqa", "medmcqa"]
    assert thinking.scores == first.scores
    results = open_archive(Settings.model_validate({"home": home})).read()
    found = {document.config.enable_thinking: document for document in results.documents}
    both = dict.fromkeys(("pubmedqa", "medmcqa"), first.document_path)
    assert found[True].evalboard.taken_from == both
    assert found[True].results == found[False].results
