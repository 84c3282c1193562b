"""Programs tell their service manager when they serve. Others do in `test_server` and `test_up`."""

import os
import socket
import sys
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from evalboard.process_environment import child_environment
from evalboard.readiness import tell_ready
from evalboard.services import Services, address_of, listen
from evalboard.settings import load_settings
from tests.managers import Manager, listening
from tests.namespaces import read_only_but


def test_a_program_says_that_it_is_ready_and_its_children_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(tmp_path) as manager:
        for name, value in manager.environment.items():
            monkeypatch.setenv(name, value)
        tell_ready()
        assert manager.heard() == ["READY=1"]
        assert not manager.environment.keys() & child_environment(load_settings())


def test_a_manager_can_listen_at_a_name_that_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"evalboard-{uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        tell_ready()
        assert Manager(listener, name).heard() == ["READY=1"]


def test_nobody_is_told_where_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    tell_ready()


def test_the_viewer_is_ready_when_it_answers_also_on_a_disk_that_cannot_be_written(
    tmp_path: Path,
) -> None:
    """As in its container: only a folder for temporary files can be written, and there is no home."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    home = {
        "EVALBOARD_HOME": str(tmp_path / "home"),
        "EVALBOARD_OFFLINE": "true",
        "HOME": "/nonexistent",
        "TMPDIR": str(temporary),
    }
    program = [*read_only_but(temporary), sys.executable, "-m", "evalboard", "viewer"]
    with listening(tmp_path) as manager:
        listener = listen("127.0.0.1", 0, setting="EVALBOARD_VIEWER")
        address = address_of(listener)
        variables = {**os.environ, **home, **manager.environment}
        with Services(tmp_path, variables) as services:
            services.start("viewer", program, listener=listener)
            assert manager.heard() == []
            services.wait_for("viewer", f"{address}/health")
            assert manager.heard() == ["READY=1"]
            assert httpx.get(f"{address}/health").json()["status"] == "ok"
