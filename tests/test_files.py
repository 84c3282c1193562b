from pathlib import Path
from threading import Thread

import pytest

from evalboard.files import read_end, write_whole


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
