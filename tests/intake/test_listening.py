"""What a worker notices by itself: new request files, and runs whose processes are gone."""

import socket
from pathlib import Path

import pytest

from evalboard.errors import StoreError
from evalboard.intake.listening import Listener
from evalboard.lifecycle import claim
from evalboard.queueing import presence
from evalboard.queueing.bell import Call
from evalboard.queueing.claims import server_name
from evalboard.records.request import Claim, RequestRecord
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
    assert listener.look() == []
    assert list(WorkFolder(settings.work_folder).workers()) == [socket.gethostname()]
    path = put(settings, "a.json")
    assert listener.look() == [Call.WAITING]
    assert listener.look() == []
    record = RequestRecord(model="org/other", precision="float32", revision="a" * 40)
    held = Claim(run_id="1", host="h", server=server_name(settings))
    put_signed(settings, claim(record, held, now=NOW), "b.json")
    assert listener.look() == []  # it takes the place
    assert Listener(settings.model_copy(update={"max_running": 2})).look() == [Call.WAITING]
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
        listener.look()
    requests.unlink()
    aside.rename(requests)
    assert listener.look() == [Call.WAITING]


def test_a_lost_run_is_told_once(settings: Settings) -> None:

    listener = Listener(settings)
    with presence.marked("run-1", settings):
        assert listener.look() == []
        mark = settings.work_folder / "runs" / "run-1"
        left = mark.read_bytes()
    mark.write_bytes(left)  # as a process that was killed leaves it
    assert listener.look() == [Call.LOST]
    assert listener.look() == []
