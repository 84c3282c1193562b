"""Engines that are forks of one process. The processes are real: only what they hold is smaller."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from evalboard.engine.placing import forking, placement
from evalboard.engine.placing.placement import EngineHandle
from evalboard.errors import EngineDied, EngineError, LoadFailed
from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder
from tests.engine.placing.parents import printed_by
from tests.engine_specs import engine_spec

pytestmark = pytest.mark.usefixtures("stand_in_engines")
SECONDS = 60


@pytest.fixture
def server(tmp_path: Path) -> Iterator[psutil.Process]:
    """A fork server for the engines of a test."""
    before = set(psutil.Process().children())
    with placement.forked_engines(Settings.model_validate({"home": tmp_path, "backend": "hf"})):
        (process,) = set(psutil.Process().children()) - before
        yield process


@pytest.fixture
def engine(tmp_path: Path, server: psutil.Process) -> Iterator[EngineHandle]:
    handle = EngineHandle(engine_spec(tmp_path, settings={"backend": "hf"}, is_only_run=True))
    yield handle
    handle.close()


def call(engine: EngineHandle, method: str, *arguments: Any) -> Any:
    return engine.call(method, *arguments, timeout_seconds=SECONDS)


def test_an_engine_is_a_fork_with_a_session_of_its_own(
    engine: EngineHandle, server: psutil.Process
) -> None:
    process = psutil.Process(call(engine, "pid"))
    assert process.parent() == server
    assert os.getsid(process.pid) == process.pid
    assert "colorsys" in call(engine, "modules")


def test_a_setting_lets_every_engine_import_for_itself(tmp_path: Path) -> None:
    before = psutil.Process().children()
    settings = Settings.model_validate({"home": tmp_path, "backend": "hf", "fork_engines": False})
    with placement.forked_engines(settings):
        assert not forking.is_served()
        assert psutil.Process().children() == before


def test_the_server_can_import_before_the_first_fork_and_imports_once(
    server: psutil.Process, engine: EngineHandle, tmp_path: Path
) -> None:
    log = WorkFolder(tmp_path / "work").log_file("fork-server")
    forking.import_ahead()
    forking.import_ahead()
    deadline = time.monotonic() + SECONDS
    while "imported" not in log.read_text(encoding="utf-8"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert server.children() == []
    assert "colorsys" in call(engine, "modules")
    assert log.read_text(encoding="utf-8").count("imported") == 1


def test_it_finds_nothing_of_the_server_but_its_libraries(
    engine: EngineHandle, server: psutil.Process, tmp_path: Path
) -> None:
    """Neither the connections of other engines, nor the environment and folder of the server."""
    other = EngineHandle(engine_spec(tmp_path, settings={"backend": "hf"}, is_only_run=True))
    try:
        call(other, "pid")
        call(engine, "pid")
        mine, its = call(engine, "environment"), call(other, "environment")
        assert mine["HOME"] != its["HOME"]
        assert forking.SERVER not in mine
        assert not call(engine, "sockets")
    finally:
        other.close()


def test_no_process_without_the_key_gets_a_fork(server: psutil.Process, tmp_path: Path) -> None:
    name, _, key = os.environ[forking.SERVER].partition(" ")
    ours, theirs = os.pipe()
    try:
        for wrong in ("", key[:-1], "0" * len(key)):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(forking.SERVER, f"{name} {wrong}")
                asked = forking.fork_process(theirs, theirs, environment={}, folder=str(tmp_path))
            assert asked is None
        for content in (b"", b"{", b"[]", b"1", b"\xff", b'{"key": null}'):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
                connection.connect(f"\0{name}")
                connection.send(content)
                assert connection.recv(100) == b""
    finally:
        os.close(ours)
        os.close(theirs)
    assert server.is_running()
    assert server.children() == []


def test_the_server_does_not_know_the_key(server: psutil.Process, engine: EngineHandle) -> None:
    """A fork has all memory of the server."""
    call(engine, "pid")
    _, _, key = os.environ[forking.SERVER].partition(" ")
    content = Path(f"/proc/{server.pid}/environ").read_bytes()
    content += Path(f"/proc/{server.pid}/cmdline").read_bytes()
    assert key.encode() not in content


def test_the_end_of_a_fork_is_told_as_it_was(engine: EngineHandle) -> None:
    with pytest.raises(EngineDied, match="SIGKILL"):
        call(engine, "die")
    with pytest.raises(EngineDied, match="SIGABRT"):
        call(engine, "abort")
    assert call(engine, "pid") > 0


def test_a_closed_engine_leaves_no_process(engine: EngineHandle) -> None:
    worker = psutil.Process(call(engine, "worker"))
    process = psutil.Process(call(engine, "pid"))
    engine.close()
    gone, left = psutil.wait_procs([worker, process], timeout=SECONDS)
    assert (len(gone), left) == (2, [])


def test_without_its_server_an_engine_goes_on_and_the_next_starts_by_itself(
    engine: EngineHandle, server: psutil.Process
) -> None:
    process = psutil.Process(call(engine, "pid"))
    server.kill()
    assert call(engine, "pid") == process.pid
    engine.close()
    assert psutil.wait_procs([process], timeout=SECONDS)[1] == []
    assert psutil.Process(call(engine, "pid")).parent() == psutil.Process()


def test_the_death_of_an_engine_without_its_server_is_seen(
    engine: EngineHandle, server: psutil.Process
) -> None:
    call(engine, "pid")
    server.kill()
    with pytest.raises(EngineDied):
        call(engine, "die")


def test_an_engine_that_does_not_load_says_why(engine: EngineHandle, tmp_path: Path) -> None:
    (engine.spec.log_file.parent / "load.refuse").write_text("1", encoding="utf-8")
    with pytest.raises(LoadFailed, match="bad weights"):
        engine.load()
    with pytest.raises(EngineError, match="ValueError: wrong"):
        call(engine, "raise_error", "ValueError", "wrong")


def test_forks_end_with_the_program_to_which_their_server_belongs(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from evalboard.engine.placing import placement\n"
        "from tests.engine_specs import engine_spec\n"
        "placement.MADE_OF = 'tests.stand_in_engine'\n"
        "spec = engine_spec(Path(sys.argv[1]), settings={'backend': 'hf'}, is_only_run=True)\n"
        "with placement.forked_engines(spec.settings):\n"
        "    print(placement.EngineHandle(spec).call('pid', timeout_seconds=60), flush=True)\n"
        "    time.sleep(600)"
    )
    with printed_by(program, tmp_path) as fork:
        server = fork.parent()
        assert server
    assert psutil.wait_procs([fork, server], timeout=SECONDS)[1] == []
