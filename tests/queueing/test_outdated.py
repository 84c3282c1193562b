"""Which rows were measured with other versions than are installed, and what measuring them again costs."""

import json
from pathlib import Path
from typing import Any

import pytest

from evalboard.cli import main
from evalboard.errors import ConfigError
from evalboard.queueing.backfill import put_back
from evalboard.queueing.outdated import find_outdated
from evalboard.records.notice import Notice, NoticeKind
from evalboard.records.request import Status
from evalboard.records.result import ResultDocument
from evalboard.records.verdict import Verdict, Versions
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_notices, open_verdicts
from evalboard.stores.requests import RequestQueue
from tests.queueing.conftest import NOW, SHA, Put, make

SUITE = """
name: two
title: Two
benchmarks:
  - {key: easy, title: Easy}
  - {key: hard, title: Hard}
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "two.yaml").write_text(SUITE, encoding="utf-8")
    return Settings.model_validate(
        {"home": tmp_path / "home", "suite": str(tmp_path / "two.yaml"), "offline": True}
    )


def installed(backend: str) -> Versions:
    return Versions(backend=backend, backend_version="2", lm_eval="1")


def store(settings: Settings, model: str, version: str, score: float, **seconds: float) -> None:
    """Store a model's scores of a version of vLLM, on two GPUs."""
    keys = ("easy", "hard")
    content: dict[str, Any] = {
        "config": {
            "model_name": model,
            "model_sha": SHA,
            "model_dtype": "float16",
            "backend": "vllm",
            "backend_version": version,
            "lm_eval_version": "1",
        },
        "results": {key: {"acc,none": score} for key in keys},
        "versions": {},
        "n-shot": dict.fromkeys(keys, 0),
        "n-samples": {key: {"original": 9, "effective": 9} for key in keys},
        "task_hashes": {},
        "configs": {},
        "evalboard": {
            "suite": "two",
            "run_key": "",
            "benchmark_keys": dict.fromkeys(keys, model),
            "dataset_fingerprints": {},
            "engine_settings": {"device": "cuda", "tensor_parallel": 2},
            "seconds": {"score": seconds},
            "finished_time": "2026-11-20T10:00:00Z",
        },
    }
    open_archive(settings).add(ResultDocument.model_validate(content), {})


@pytest.fixture
def stored(settings: Settings, put: Put) -> None:
    store(settings, "org/low", "1", 0.1, easy=900.0, hard=900.0)
    store(settings, "org/high", "1", 0.9, easy=900.0)
    store(settings, "org/new", "2", 0.5)
    for model in ("org/low", "org/high", "org/new"):
        put(make(model, status=Status.FINISHED))


@pytest.mark.usefixtures("stored")
def test_old_rows_wait_with_what_they_cost_the_best_first(
    settings: Settings, queue: RequestQueue
) -> None:
    high, low = find_outdated(settings, installed=installed)
    assert (high.cells.row.model, low.cells.row.model) == ("org/high", "org/low")
    assert (low.cells.benchmarks, low.versions) == (("easy", "hard"), "lm-eval 1, vllm 1")
    assert (low.hours, low.gpu_hours) == (0.5, 1.0)
    assert high.gpu_hours is None  # the time of one of its scores is not stored
    put_back([high.cells, low.cells], settings, now=NOW)
    priorities = {e.record.model: e.record.evalboard.priority for e in queue.entries() if e.record}
    assert priorities == {"org/high": -1, "org/low": -3, "org/new": 0}


@pytest.mark.usefixtures("stored")
def test_a_renamed_model_is_selected_by_each_name(settings: Settings) -> None:
    renamed = Notice(model="org/low", kind=NoticeKind.RENAMED, new_name="lab/low")
    open_notices(settings).change(lambda _: [renamed], message="renamed")
    for name in ("org/low", "lab/low"):
        (one,) = find_outdated(settings, models=[name], installed=installed)
        assert one.cells.row.model == "org/low"


@pytest.mark.usefixtures("stored")
def test_a_name_selects_rows(settings: Settings) -> None:
    (one,) = find_outdated(settings, models=["ORG/low"], installed=installed)
    assert one.cells.row.model == "org/low"
    with pytest.raises(ConfigError, match="'org/new' has no outdated row"):
        find_outdated(settings, models=["org/new"], installed=installed)


@pytest.mark.usefixtures("stored")
def test_benchmarks_on_which_the_versions_compare_are_current(settings: Settings) -> None:
    old = Versions(backend="vllm", backend_version="1", lm_eval="1")
    verdict = Verdict(
        suite="two", benchmark="easy", old=old, new=installed("vllm"), compares=True, models=(),
        questions=1, different=0, largest_difference=0, points=0, low=0, high=0, margin=1,
    )  # fmt: skip
    open_verdicts(settings).change(lambda _: [verdict], message="compares")
    found = find_outdated(settings, installed=installed)
    assert [one.cells.benchmarks for one in found] == [("hard",)] * 2


@pytest.mark.usefixtures("stored")
def test_the_command_lists_and_changes_nothing_when_dry(
    settings: Settings,
    queue: RequestQueue,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("home", "suite"):
        monkeypatch.setenv(f"EVALBOARD_{name.upper()}", str(getattr(settings, name)))
    assert main(["requeue", "--outdated", "--dry-run", "org/low", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["model"], told["gpu_hours"], told["problem"]) == ("org/low", 1.0, "")
    assert {e.record.status for e in queue.entries() if e.record} == {Status.FINISHED}
    assert main(["requeue", "--dry-run", "org/low"]) == 2
    assert main(["requeue", "--outdated", "org/low"]) == 0
    assert "Put back: 1 model for 1.00 GPU hours" in capsys.readouterr().out
    states = {e.record.model: e.record.status for e in queue.entries() if e.record}
    assert states["org/low"] is Status.PENDING
    assert states["org/high"] is Status.FINISHED
