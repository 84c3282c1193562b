"""Which scores are missing, whose request goes back, and in which order."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from evalboard.demo.questions import write_datasets
from evalboard.engine.benchmarks.asked_now import asked_now
from evalboard.errors import ConfigError
from evalboard.lifecycle import order_pending
from evalboard.queueing.backfill import NO_REQUEST, as_markdown, find_missing, put_back
from evalboard.records.request import Status
from evalboard.records.result import ResultDocument
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive
from evalboard.stores.requests import RequestQueue
from evalboard.suites.loader import load_suite
from tests.queueing.conftest import NOW, SHA, Put, make

SUITE = """
name: two
title: Two
benchmarks:
  - {key: easy, title: Easy}
  - {key: hard, title: Hard, num_fewshot: 5}
  - {key: new, title: New, weight: 0}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "two.yaml").write_text(SUITE, encoding="utf-8")
    return Settings.model_validate(
        {"home": tmp_path / "home", "suite": str(tmp_path / "two.yaml"), "offline": True}
    )


def store(
    settings: Settings,
    model: str,
    scores: Mapping[str, float],
    *,
    sha: str = SHA,
    shots: int = 5,
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Store a model's scores.

    Args:
        settings: Where to.
        model: Its name.
        scores: By benchmark key.
        sha: Its commit.
        shots: Number of examples of `hard`.
        facts: Suite, versions and questions that are not the usual ones.
    """
    content: dict[str, Any] = {
        "config": {
            "model_name": model,
            "model_sha": sha,
            "model_dtype": "float16",
            "backend": "vllm",
            "backend_version": "0",
            "lm_eval_version": "0",
        },
        "results": {key: {"acc,none": score} for key, score in scores.items()},
        "versions": facts.get("versions", {}),
        "n-shot": dict.fromkeys(scores, 0) | {"hard": shots},
        "n-samples": {key: {"original": 9, "effective": 9} for key in scores},
        "task_hashes": {},
        "configs": {},
        "evalboard": {
            "suite": facts.get("suite", "two"),
            "run_key": "",
            "benchmark_keys": dict.fromkeys(scores, model),
            "dataset_fingerprints": facts.get("questions", {}),
            "finished_time": "2026-11-20T10:00:00Z",
        },
    }
    open_archive(settings).add(ResultDocument.model_validate(content), {})


def finished(model: str) -> Any:
    return make(model, status=Status.FINISHED)


def test_the_best_model_waits_first_and_behind_all_submissions(
    settings: Settings, put: Put, queue: RequestQueue
) -> None:
    for model, easy in (("org/good", 0.5), ("org/best", 0.9), ("org/bad", 0.1)):
        store(settings, model, {"easy": easy, "hard": easy})
        put(finished(model))
    store(settings, "org/whole", {"easy": 0.7, "hard": 0.7, "new": 0.0})
    put(make("org/late", submitted_time="2026-11-30T10:00:00Z"))
    found = find_missing(settings)
    assert [(c.row.model, c.benchmarks, c.priority) for c in found] == [
        ("org/best", ("new",), -1),
        ("org/good", ("new",), -3),
        ("org/bad", ("new",), -4),
    ]
    assert all(change.record for change in put_back(found, settings, now=NOW))
    entries = queue.entries()
    assert all(entry.is_signed for entry in entries)
    order = order_pending([(e.path, e.record) for e in entries if e.record], now=NOW)
    assert [r.model for _, r in order] == ["org/late", "org/best", "org/good", "org/bad"]


def test_another_number_of_examples_is_another_score(settings: Settings, put: Put) -> None:
    store(settings, "org/model", {"easy": 0.5, "hard": 0.5, "new": 0.5}, shots=0)
    put(finished("org/model"))
    (cells,) = find_missing(settings)
    assert cells.benchmarks == ("hard",)
    assert find_missing(settings, benchmarks=("new",)) == []


def test_who_cannot_be_put_back_is_listed_with_the_reason(
    settings: Settings, put: Put, queue: RequestQueue
) -> None:
    for model in ("org/failed", "org/stranger", "org/other"):
        store(settings, model, {"easy": 0.5})
    failed = put(make("org/failed", status=Status.FAILED))
    put(make("org/other", status=Status.FINISHED, block={"suite": "open-medical"}))
    found = {cells.row.model: cells for cells in find_missing(settings)}
    assert found["org/failed"].problem == "Its request is FAILED."
    assert found["org/stranger"].problem == found["org/other"].problem == NO_REQUEST
    assert put_back(list(found.values()), settings, now=NOW) == []
    assert queue.get(failed).status is Status.FAILED
    assert f"| org/failed ({SHA[:8]}, float16) | hard, new |" in as_markdown(list(found.values()))


def test_a_request_that_another_has_put_back_meanwhile_stays(settings: Settings, put: Put) -> None:
    store(settings, "org/model", {"easy": 0.5, "hard": 0.5})
    put(finished("org/model"))
    found = find_missing(settings)
    put_back(found, settings, now=NOW)
    (change,) = put_back(found, settings, now=NOW)
    assert change.record is None
    assert "PENDING" in change.problem


def test_unknown_suites_and_benchmarks_are_refused(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="no suite 'none'"):
        find_missing(settings, suite="none")
    with pytest.raises(ConfigError, match="no benchmark 'nwe'"):
        find_missing(settings, benchmarks=("nwe",))


def test_scores_on_other_questions_are_missing_when_asked(tmp_path: Path, put: Put) -> None:
    write_datasets(tmp_path / "questions")
    settings = Settings.model_validate(
        {"home": tmp_path / "home", "suite": "demo", "offline": True}
        | {"datasets": tmp_path / "questions"}
    )
    suite = load_suite("demo")
    keys = [benchmark.key for benchmark in suite.benchmarks]
    now = asked_now(suite, keys, settings)
    facts = {
        "suite": "demo",
        "versions": {key: now[key].task_versions[0] for key in keys},
        "questions": {key: now[key].questions for key in keys},
    }
    store(settings, "org/model", dict.fromkeys(keys, 0.5), facts=facts)
    put(finished("org/model"))
    assert find_missing(settings, with_changed=True) == []
    facts["questions"][keys[1]] = "others"
    facts["versions"][keys[2]] = "0"
    store(settings, "org/other", dict.fromkeys(keys, 0.5), facts=facts)
    put(finished("org/other"))
    assert find_missing(settings) == []
    (cells,) = find_missing(settings, with_changed=True)
    assert (cells.row.model, cells.benchmarks) == ("org/other", tuple(keys[1:]))
