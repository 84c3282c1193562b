import os
import resource
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from evalboard.files import append_whole, read_end, read_state, set_aside, write_state, write_whole
from tests.damage import DAMAGES


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(
    durable: bool, tmp_path: Path
) -> None:
    path = tmp_path / "new" / "file"
    for content in (b"first", b"second"):
        write_whole(path, content, durable=durable)
        assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_several_writers_of_one_file_keep_apart(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([65 + n]) * 100_000 for n in range(8)]
    threads = [Thread(target=write_whole, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents


def test_the_end_of_a_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert read_end(log, max_bytes=10) == ""
    log.write_bytes(b"before\n\xe2\x82\xac after\n")
    assert read_end(log, max_bytes=100) == "before\n€ after\n"
    assert read_end(log, max_bytes=6) == "after\n"
    assert read_end(log, max_bytes=100, begin=7) == "€ after\n"
    assert read_end(log, max_bytes=8) == "\ufffd after\n"


def _same(document: dict[str, Any]) -> str:
    return document["text"]


def test_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "state.json"
    assert read_state(file, _same) is None
    write_state(file, {"text": "Ünï"})
    assert read_state(file, _same) == "Ünï"
    file.write_text('{"text": "of an earlier version"}', encoding="utf-8")
    assert read_state(file, _same) == "of an earlier version"


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_state_is_moved_aside_and_said_once(
    tmp_path: Path, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "state.json"
    write_state(file, {"text": "a"})
    damaged = damage(file.read_bytes())
    file.write_bytes(damaged)
    assert [read_state(file, _same) for _ in range(2)] == [None, None]
    (aside,) = tmp_path.iterdir()
    assert aside.name.startswith("state.json.torn-")
    assert aside.read_bytes() == damaged
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert aside.name in caplog.text


def test_a_file_that_was_replaced_meanwhile_stays(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    write_state(file, {"text": "good"})
    set_aside(file, "it was torn", b"what was read before")
    assert read_state(file, _same) == "good"
    assert list(tmp_path.iterdir()) == [file]


def test_an_append_is_whole_or_nothing(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"before\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))  # as a full disk: a short write first
    try:
        with pytest.raises(OSError, match="too large"):
            append_whole(descriptor, b"too long\n")
        assert file.read_bytes() == b"before\n"
        append_whole(descriptor, b"ok\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        os.close(descriptor)
    assert file.read_bytes() == b"before\nok\n"


def test_what_cannot_be_written_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_whole(file, b"before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        for durable in (False, True):
            with pytest.raises(OSError, match="too large"):
                write_whole(file, bytes(100), durable=durable)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]


def test_the_good_part_is_not_lost_on_a_full_disk(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"good, torn")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            set_aside(file, "it is torn", b"good, torn", keep=b"good")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"good, torn"]
    set_aside(file, "it is torn", b"good, torn", keep=b"good")
    assert file.read_bytes() == b"good"


def test_damaged_state_on_a_read_only_disk_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state.json").write_bytes(b"{")
    monkeypatch.chdir(tmp_path)  # the folders above it may be closed to another user
    tmp_path.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        assert [read_state(Path("state.json"), _same) for _ in range(3)] == [None] * 3
    finally:
        os.seteuid(user)
        tmp_path.chmod(0o755)
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
    assert len(caplog.records) == 1
    assert "cannot be moved" in caplog.text
