"""`metrics` and `health/ready`, and the dashboard that shows them."""

import json
import os
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder

DASHBOARD = Path(__file__).parents[2] / "infra" / "grafana" / "evalboard.json"


def samples(http: httpx.Client) -> dict[str, float]:
    """Return every value by its name with its labels."""
    text = http.get("/metrics").raise_for_status().text
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def entry(status: str, **fields: Any) -> dict[str, Any]:
    known = {"request": f"{status}-{fields}.json", "model": "org/model", "sha8": "0" * 8}
    return {**known, "precision": "bfloat16", "status": status, **fields}


def test_metrics_are_those_of_the_queue(
    http: httpx.Client, board_folder: Any, make_row: Any, settings: Settings
) -> None:
    board_folder.write_board([make_row("org/model", 0.5)])
    running = {"state": "running", "per_second": 2.5}
    board_folder.write_queue(
        [
            entry("PENDING", submitted_time="2026-11-30T00:00:00Z"),
            entry("RUNNING", benchmarks={"a": running, "b": running, "c": {"state": "waiting"}}),
            entry("FAILED", code="load_failed"),
            entry("FAILED", code="out_of_memory"),
            entry("FAILED", code="load_failed"),
        ]
    )
    work = WorkFolder(settings.work_folder)
    work.add_usage(seconds=100, gpus=2, questions=30)
    work.add_usage(seconds=10, gpus=0, questions=3)
    found = samples(http)
    assert found["evalboard_requests/FAILED"] == 3
    assert found["evalboard_requests/FINISHED"] == 0
    assert found["evalboard_failed_requests/load_failed"] == 2
    assert found["evalboard_questions_per_second"] == 5
    assert found["evalboard_oldest_waiting_seconds"] > 0
    assert found["evalboard_questions_total"] == 33
    assert found["evalboard_gpu_seconds_total"] == 200
    assert found["evalboard_board_age_seconds"] > 0
    assert "evalboard_poll_age_seconds" not in found


def test_a_queue_that_nobody_polls_is_not_ready(http: httpx.Client, settings: Settings) -> None:
    never = http.get("/health/ready")
    assert (never.status_code, never.json()["status"]) == (503, "silent")
    work = WorkFolder(settings.work_folder)
    work.note_poll()
    assert http.get("/health/ready").json()["status"] == "ok"
    long_ago = time.time() - 60 * (settings.silence_minutes + 1)
    os.utime(settings.work_folder / "polled", (long_ago, long_ago))
    late = http.get("/health/ready")
    assert late.status_code == 503
    assert "EVALBOARD_SILENCE_MINUTES" in late.json()["reason"]
    assert http.get("/health").status_code == 200


def test_health_says_how_many_machines_work(http: httpx.Client, settings: Settings) -> None:
    def seen() -> tuple[Any, Any]:
        health = http.get("/health").json()
        return health["workers"], health["seconds_since_worker"]

    assert seen() == (None, None)
    work = WorkFolder(settings.work_folder)
    work.note_worker("gpu1")
    work.note_worker("gpu2")
    assert seen()[0] == 2
    for host, minutes in (("gpu1", 5), ("gpu2", 10)):
        long_ago = time.time() - 60 * minutes
        os.utime(settings.work_folder / "workers" / host, (long_ago, long_ago))
    number, since = seen()
    assert number == 0
    assert since == pytest.approx(300, abs=60)


def test_the_dashboard_shows_every_metric_and_no_other(
    http: httpx.Client, board_folder: Any, make_row: Any, settings: Settings
) -> None:
    board_folder.write_board([make_row("org/model", 0.5)])
    board_folder.write_queue([entry("FAILED", code="load_failed")])
    WorkFolder(settings.work_folder).note_poll()
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    shown = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    served = {name.partition("/")[0] for name in samples(http)}
    assert set(re.findall(r"evalboard_\w+", shown)) == served
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(numbers) == len(set(numbers))
