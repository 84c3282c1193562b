"""Which installation signs the requests of a store."""

from pathlib import Path
from typing import Any

import pytest

from evalboard.errors import ForeignKey
from evalboard.records.request import RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue, open_queue, open_store
from evalboard.stores.ownership import KEY_FILE
from evalboard.stores.protocol import Delete, Store, Write

RECORD = RequestRecord(model="org/model", status=Status.REJECTED, evalboard={"priority": 3})  # pyright: ignore[reportArgumentType]


def machine(tmp_path: Path, name: str, **fields: Any) -> Settings:
    places = {"home": tmp_path / name, "requests": str(tmp_path / "requests"), "suite": "demo"}
    return Settings.model_validate(places | fields)


def store_of(settings: Settings) -> Store:
    return open_store(settings.store_address("requests"), settings)


def named(settings: Settings) -> str:
    return store_of(settings).snapshot().read(KEY_FILE).decode().split()[0]


def test_the_first_machine_that_evaluates_names_its_key(tmp_path: Path) -> None:
    one = machine(tmp_path, "one")
    viewer = open_queue(machine(tmp_path, "viewer"))
    viewer.add(RECORD)
    assert KEY_FILE not in store_of(one).snapshot().files
    queue = open_own_queue(one)
    assert named(one) != ""
    assert [entry.path for entry in queue.entries()] == [RECORD.path]


def test_a_machine_with_another_key_evaluates_nothing_and_says_what_to_copy(
    tmp_path: Path,
) -> None:
    one, two = machine(tmp_path, "one"), machine(tmp_path, "two")
    open_own_queue(one)
    with pytest.raises(ForeignKey) as caught:
        open_own_queue(two)
    for word in (named(one), "EVALBOARD_SIGNING_KEY", "signing/key", str(two.signing_folder)):
        assert word in caught.value.message
    secret = (one.signing_folder / "key").read_text(encoding="utf-8")
    assert secret.strip() not in caught.value.message
    copied = machine(tmp_path, "two", signing_key=secret)
    path = open_own_queue(one).add(RECORD)
    assert open_own_queue(copied).entry(path).is_signed


@pytest.mark.parametrize("content", [b"", b"\xff", b"0123456789abcdef\nof a stranger", b"x" * 9999])
def test_whoever_writes_the_store_cannot_stop_its_queue(content: bytes, tmp_path: Path) -> None:
    one = machine(tmp_path, "one")
    path = open_own_queue(one).add(RECORD)
    store_of(one).commit([Write(KEY_FILE, content)], message="a stranger")
    queue = open_own_queue(one)
    assert queue.entry(path).is_signed
    warning = queue.keep_name()
    assert ("names the key 0123456789abcdef" in warning) == content.startswith(b"0123")
    assert (named(one) == "0123456789abcdef") == content.startswith(b"0123")


def test_a_name_that_was_lost_is_written_again(tmp_path: Path) -> None:
    one = machine(tmp_path, "one")
    queue = open_own_queue(one)
    before = named(one)
    store_of(one).commit([Delete(KEY_FILE)], message="a stranger")
    assert queue.keep_name() == ""
    assert named(one) == before


def test_a_viewer_without_the_key_takes_the_stores_signatures_at_their_word(
    tmp_path: Path,
) -> None:
    one, viewer = machine(tmp_path, "one"), machine(tmp_path, "viewer")
    path = open_own_queue(one).add(RECORD)
    entry = open_queue(viewer).entry(path)
    assert entry.is_signed
    assert entry.record is not None
    assert entry.record.evalboard.priority == 3
    store_of(one).commit([Write("a.json", RECORD.to_json())], message="a stranger")
    assert not open_queue(viewer).entry("a.json").is_signed


def test_what_a_viewer_without_the_key_writes_is_a_submission_alone(tmp_path: Path) -> None:
    one, viewer = machine(tmp_path, "one"), machine(tmp_path, "viewer")
    queue = open_own_queue(one)
    waits = RECORD.model_copy(update={"status": Status.PENDING})
    entry = queue.entry(open_queue(viewer).add(waits))
    assert not entry.is_signed
    assert entry.record is not None
    assert (entry.record.status, entry.record.evalboard.priority) == (Status.PENDING, 0)
    assert entry.record.evalboard.original == {"evalboard": {"priority": 3}}


def test_the_file_of_the_key_is_no_request(tmp_path: Path) -> None:
    assert open_own_queue(machine(tmp_path, "one")).entries() == []
