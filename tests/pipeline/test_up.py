"""`evalboard up`: everything on one machine, started by one command and gone after Ctrl-C."""

import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import httpx
import psutil
import pytest
from playwright.sync_api import Locator, Page, expect
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State

from evalboard.records.request import RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from tests.leaderboard_app.browsing import browse, chromium
from tests.managers import listening
from tests.pipeline.questions import SLICE_ROWS
from tests.pipeline.runs import own_environment
from tests.ports import free_ports

DEADLINE_SECONDS = 300
PLANTED = "hf_plantedplantedplanted"
LONG_ROWS = 1000
"""Questions of each benchmark, so that a person has time to press a button."""
STORED = (
    ("flow_run", "parameters"),
    ("flow_run_state", "data"),
    ("task_run", "task_inputs"),
    ("task_run_state", "data"),
    ("events", "payload"),
)
"""Columns of Prefect's database in which a run could leave what it works with."""
STORED_BYTES = 4096
"""More than any of them needs."""
TITLES = ("MMLU Anatomy", "MMLU Medical Genetics", "PubMedQA")


@pytest.fixture
def settings(
    request: pytest.FixtureRequest,
    configure: Callable[..., Settings],
    sliced_datasets: Callable[[int], Path],
    small_suite: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """The settings of `evalboard up`; the parameter is how many questions a benchmark has."""
    monkeypatch.setenv("HF_TOKEN", PLANTED)
    server_port, viewer_port = free_ports(2)
    return configure(
        suite=str(small_suite),
        backend="hf",
        server_port=server_port,
        viewer_port=viewer_port,
        max_running=1,
        datasets=sliced_datasets(getattr(request, "param", SLICE_ROWS)),
    )


@pytest.fixture
def up(settings: Settings, tmp_path: Path) -> Iterator[psutil.Popen]:
    log = tmp_path / "up.log"
    project = tmp_path / "another-project"
    project.mkdir()
    for name in ("deployments", "flows", "tasks", "prefect", "ray"):
        (project / f"{name}.py").write_text("raise ImportError(__name__)", encoding="utf-8")
    with listening(tmp_path) as manager, log.open("wb") as output:
        process = psutil.Popen(
            [sys.executable, "-P", "-m", "evalboard", "up"],
            cwd=project,
            env=own_environment(settings) | manager.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: bool(manager.heard()), process)
            assert b"Ctrl-C" in log.read_bytes()
            yield process
            assert manager.heard() == []  # its programs do not speak for it
        finally:
            if process.is_running():
                process.send_signal(signal.SIGTERM)
            process.wait(DEADLINE_SECONDS)


def wait_until(condition: Callable[[], bool], process: psutil.Popen) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert process.poll() is None, "`evalboard up` ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.2)


def start_run(api: SyncPrefectClient, model: str) -> UUID:
    deployment = api.read_deployment_by_name("evaluate-model/evaluate-model")
    parameters = {"request": {"model": model, "precision": "float32"}}
    return api.create_flow_run_from_deployment(deployment.id, parameters=parameters).id


def request_of(settings: Settings, model: str) -> RequestRecord | None:
    records = (entry.record for entry in open_queue(settings).entries())
    return next((record for record in records if record and record.model == model), None)


@pytest.mark.slow
def test_a_run_of_the_api_ends_finished_sigterm_hands_the_next_back_and_nothing_is_left(
    settings: Settings, up: psutil.Popen, tmp_path: Path
) -> None:
    with SyncPrefectClient(f"http://127.0.0.1:{settings.server_port}/api") as api:
        run_id = start_run(api, "test/random")

        def state() -> State:
            current = api.read_flow_run(run_id).state
            assert current is not None
            return current

        wait_until(lambda: state().is_final(), up)
        assert state().is_completed(), state().message
        of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
        # Prefect records tasks later than the states of their run.
        tasks = {f"{title} · test/random" for title in TITLES}
        wait_until(
            lambda: tasks <= {task.name for task in api.read_task_runs(flow_run_filter=of_run)}, up
        )
        finished = request_of(settings, "test/random")
        assert finished is not None
        assert (finished.status, finished.job_id) == (Status.FINISHED, str(run_id))
        board = f"http://127.0.0.1:{settings.viewer_port}/data/board.json"
        assert "test/random" in httpx.get(board, timeout=300).text

        start_run(api, "test/always-a")

    def is_running() -> bool:
        record = request_of(settings, "test/always-a")
        return record is not None and record.status is Status.RUNNING

    wait_until(is_running, up)  # it takes seconds to load and to answer
    started = up.children(recursive=True)
    assert len(started) > 5
    up.terminate()
    assert up.wait(DEADLINE_SECONDS) == 0
    returned = request_of(settings, "test/always-a")
    assert returned is not None
    assert (returned.status, returned.evalboard.lost_runs) == (Status.PENDING, 0)
    assert "was ended" in returned.evalboard.history[-1].reason
    _, left = psutil.wait_procs(started, timeout=DEADLINE_SECONDS)
    assert left == []

    assert max(stored_bytes(settings).values()) < STORED_BYTES
    kept = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(file.suffix == ".db" for file in kept)  # Prefect's parameters, artifacts and logs
    assert [file for file in kept if PLANTED.encode() in file.read_bytes()] == []


def stored_bytes(settings: Settings) -> dict[tuple[str, str], int]:
    """Return the length of the largest value in each of the columns."""
    with closing(sqlite3.connect(settings.home / "prefect" / "prefect.db")) as database:
        found = {
            (table, column): database.execute(f"SELECT max(length({column})) FROM {table}")
            for table, column in STORED
        }
        return {place: cursor.fetchone()[0] or 0 for place, cursor in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("settings", [LONG_ROWS], indirect=True)
def test_a_model_is_submitted_watched_cancelled_and_retried_in_the_browser(
    settings: Settings, up: psutil.Popen
) -> None:
    board = f"http://127.0.0.1:{settings.viewer_port}"
    with chromium() as browser, browse(browser, board) as page, browser.new_page() as prefect:
        prefect.set_default_timeout(1000 * DEADLINE_SECONDS)
        page.goto("/submit")
        page.get_by_label("Model", exact=True).fill("test/random")
        page.get_by_label("Submitted by").fill("Lab")
        page.locator(".submit-form .send").click()
        page.get_by_role("link", name="Queue", exact=True).click()
        row, details = page.locator(".request"), page.locator(".request + .more")
        wait_for_text(row.locator(".status"), "Running")
        run = details.get_by_role("link", name="Run in Prefect").get_attribute("href")
        prefect.goto(run or "")
        confirm(prefect, "Cancel")
        wait_for_text(row.locator(".status"), "Cancelled")
        confirm(prefect, "Retry")
        wait_for_text(details, "attempt 2")
        wait_for_text(row.locator(".status"), "Finished")
        prefect.get_by_text("Completed", exact=True).first.wait_for()


def wait_for_text(part: Locator, text: str) -> None:
    """Wait until a part of a page has a text."""
    expect(part).to_contain_text(text, timeout=1000 * DEADLINE_SECONDS)


def confirm(page: Page, name: str) -> None:
    """Press a button of Prefect, and that of the dialog which asks for a confirmation."""
    page.get_by_role("button", name=name, exact=True).click()
    sure = re.compile(f"^(Confirm|{name})$")
    page.get_by_role("dialog").get_by_role("button", name=sure).click()
