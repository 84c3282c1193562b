"""What a worker notices by itself: new request files, and runs whose processes are gone."""

import socket
from pathlib import Path

import pytest

from evalboard.errors import StoreError
from evalboard.intake.listening import AGAIN, Listener
from evalboard.lifecycle import claim, undecided
from evalboard.machine import this_machine
from evalboard.queueing import presence
from evalboard.queueing.bell import Call
from evalboard.queueing.claims import (
    Process,
    claim_of,
    pid_namespace,
    server_name,
    this_process,
)
from evalboard.records.request import Claim, Failure, RequestRecord
from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder
from tests.intake.test_polling import NOW, put
from tests.signing import put_signed


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {"home": tmp_path / "home", "offline": True, "max_running": 1, "suite": "demo"}
    )


def test_a_new_file_is_told_once_if_there_is_a_place(settings: Settings) -> None:
    listener = Listener(settings)
    assert listener.look(now=NOW) == []
    assert list(WorkFolder(settings.work_folder).workers()) == [socket.gethostname()]
    path = put(settings, "a.json")
    assert listener.look(now=NOW) == [Call.WAITING]
    assert listener.look(now=NOW + AGAIN / 2) == []
    record = RequestRecord(model="org/other", precision="float32", revision="a" * 40)
    held = Claim(run_id="1", host="h", server=server_name(settings))
    put_signed(settings, claim(record, held, now=NOW), "b.json")
    assert listener.look(now=NOW) == []  # it takes the place
    assert Listener(settings.model_copy(update={"max_running": 2})).look(now=NOW) == [Call.WAITING]
    assert path == "a.json"


def test_a_queue_that_could_not_be_read_is_read_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(settings, "a.json")
    listener = Listener(settings)
    requests = Path(settings.store_address("requests"))
    aside = requests.rename(requests.with_name("aside"))
    requests.touch()
    with pytest.raises(StoreError):
        listener.look(now=NOW)
    requests.unlink()
    aside.rename(requests)
    assert listener.look(now=NOW) == [Call.WAITING]


def test_a_lost_run_is_told_once(settings: Settings) -> None:
    listener = Listener(settings)
    with presence.marked("run-1", settings):
        assert listener.look(now=NOW) == []
        mark = settings.work_folder / "runs" / "run-1"
        left = mark.read_bytes()
    mark.write_bytes(left)  # as a process that was killed leaves it
    assert listener.look(now=NOW) == [Call.LOST]
    assert listener.look(now=NOW) == []
    assert listener.look(now=NOW + AGAIN) == [Call.LOST]


def test_a_request_that_still_waits_is_told_again(settings: Settings) -> None:
    listener = Listener(settings)
    assert listener.look(now=NOW) == []
    put(settings, "a.json")
    assert listener.look(now=NOW) == [Call.WAITING]
    assert listener.look(now=NOW + AGAIN / 2) == []
    assert listener.look(now=NOW + AGAIN) == [Call.WAITING]
    assert listener.look(now=NOW + 2 * AGAIN) == []  # later and later
    assert listener.look(now=NOW + 3 * AGAIN) == [Call.WAITING]
    put(settings, "b.json", model="org/other")
    assert listener.look(now=NOW + 4 * AGAIN) == [Call.WAITING]
    assert listener.look(now=NOW + 5 * AGAIN) == [Call.WAITING]


def test_a_request_is_told_when_its_pause_is_over(settings: Settings) -> None:
    record = RequestRecord(model="org/other", precision="float32", revision="a" * 40)
    paused = undecided(record, Failure(code="engine", message=""), now=NOW)
    put_signed(settings, paused, "a.json")
    listener = Listener(settings)
    assert listener.look(now=NOW) == []
    assert listener.look(now=NOW + AGAIN * 2) == [Call.WAITING]


def test_a_request_whose_run_left_no_mark_is_told(settings: Settings) -> None:
    listener = Listener(settings)
    record = RequestRecord(model="org/other", precision="float32", revision="a" * 40)
    gone = Process(this_machine(), pid=2**22 + 1, started=1.0, pid_namespace=pid_namespace())
    put_signed(settings, claim(record, claim_of("run-1", gone), now=NOW), "a.json")
    assert listener.look(now=NOW) == [Call.LOST]
    alive = claim_of("run-2", this_process())
    put_signed(settings, claim(record, alive, now=NOW), "a.json")
    assert listener.look(now=NOW) == []
