"""Publishing what the viewer shows; `tests/stores/test_board.py` has the store's side."""

import logging
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from evalboard import publishing
from evalboard.errors import StoreError
from evalboard.publishing import Pace, announce_queue, publish_queue, run_page
from evalboard.records.board_files import QUEUE_FILE
from evalboard.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings().model_copy(update={"home": tmp_path / "home"})


def test_a_run_does_not_fail_because_the_queue_cannot_be_shown(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    broken = settings.model_copy(update={"board": str(tmp_path / "file" / "board")})
    with pytest.raises(StoreError):
        publish_queue(broken)
    with caplog.at_level(logging.WARNING):
        announce_queue(broken)
    assert "The published queue is out of date" in caplog.text


def test_an_announced_queue_is_there(settings: Settings) -> None:
    announce_queue(settings)
    assert (Path(settings.store_address("board")) / QUEUE_FILE).is_file()


class Work:
    """Counts how often it is done, and waits for permission when told to."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> bool:
        self.times += 1
        return True


def needed() -> bool:
    return True


def test_nobody_waits_for_work_that_has_nothing_to_do(tmp_path: Path) -> None:
    work = Work()
    pace = Pace(tmp_path, "board", 3600)
    assert pace.in_turn(work, is_needed=lambda: False), "the first turn waits for nothing"
    assert not pace.in_turn(work, is_needed=lambda: False)
    assert work.times == 1


def test_work_is_done_when_it_is_due_and_left_out_before(tmp_path: Path) -> None:
    work = Work()
    assert Pace(tmp_path / "pace", "board", 3600).when_due(work)
    assert not Pace(tmp_path / "pace", "board", 3600).when_due(work)
    assert Pace(tmp_path / "pace", "queue", 3600).when_due(work)
    assert work.times == 2


def test_a_turn_that_is_due_is_taken_at_once(tmp_path: Path) -> None:
    work = Work()
    assert Pace(tmp_path, "board", 3600).in_turn(work, is_needed=needed)
    assert work.times == 1


def test_of_many_that_wait_one_does_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work()
    pace = Pace(tmp_path, "board", 3600)
    assert pace.in_turn(work, is_needed=needed)
    done: list[bool] = []

    def sleep_until_the_others_left(seconds: float) -> None:
        assert seconds > 3000
        while len(done) < 3:
            time.sleep(0.01)

    clock = SimpleNamespace(time=time.time, sleep=sleep_until_the_others_left)
    monkeypatch.setattr(publishing, "time", clock)
    waiting = [
        threading.Thread(
            target=lambda: done.append(
                Pace(tmp_path, "board", 3600).in_turn(work, is_needed=needed)
            )
        )
        for _ in range(4)
    ]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join()
    assert sorted(done) == [False, False, False, True]
    assert work.times == 2


def test_a_clock_that_was_set_back_does_not_stop_the_work(tmp_path: Path) -> None:
    pace = Pace(tmp_path, "board", 0.05)
    assert pace.in_turn(Work(), is_needed=needed)
    later = time.time() + 10_000
    os.utime(tmp_path / "board.last", (later, later))
    assert pace.in_turn(Work(), is_needed=needed)


@pytest.mark.parametrize(
    ("api", "pages", "page"),
    [
        (None, None, ""),
        ("http://server:4200/api", None, "http://server:4200/runs/flow-run/7"),
        (
            "http://server:4200/api",
            "http://localhost:4200",
            "http://localhost:4200/runs/flow-run/7",
        ),
    ],
)
def test_links_to_runs_are_for_browsers(api: str | None, pages: str | None, page: str) -> None:
    settings = Settings.model_validate({"prefect_api_url": api, "prefect_ui_url": pages})
    assert run_page(settings, "7") == page
