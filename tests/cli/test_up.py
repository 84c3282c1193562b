"""`evalboard up` and `demo` before anything has started."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalboard.cli import main
from evalboard.settings import Settings


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port with another program behind it, and free ones for all others."""
    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("", 0)) as free:
        monkeypatch.setenv("EVALBOARD_VIEWER_PORT", "0")
        monkeypatch.setenv("EVALBOARD_SERVER_PORT", str(free.getsockname()[1]))
        free.close()
        yield other.getsockname()[1]


@pytest.mark.parametrize("words", [["up"], ["demo"]])
def test_a_taken_port_of_the_viewer_is_named_before_anything_is_written(
    words: list[str],
    taken: int,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EVALBOARD_VIEWER_PORT", str(taken))
    assert main(words) == 2
    err = capsys.readouterr().err
    assert f"Port {taken} of '127.0.0.1' cannot be used: Address already in use." in err
    assert "EVALBOARD_VIEWER_PORT" in err
    assert not settings.home.exists()
    assert not Path("evalboard-demo").exists()


@pytest.mark.parametrize("other", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_of_the_server_is_named_before_anything_is_written(
    other: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EVALBOARD_VIEWER_PORT", "0")
    with socket.create_server((other, 0)) as foreign:
        port = foreign.getsockname()[1]
        monkeypatch.setenv("EVALBOARD_SERVER_PORT", str(port))
        assert main(["up"]) == 2
    err = capsys.readouterr().err
    assert f"Port {port} of" in err
    assert "EVALBOARD_SERVER_PORT" in err
    assert not settings.home.exists()


def test_up_takes_no_port_for_a_server_that_runs_elsewhere(
    taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("EVALBOARD_SERVER_PORT", str(taken))
    monkeypatch.setenv("EVALBOARD_SERVER_HOST", "0.0.0.0")
    monkeypatch.setenv("EVALBOARD_VIEWER_PORT", str(taken))
    assert main(["up"]) == 2
    told = capsys.readouterr()
    assert "EVALBOARD_VIEWER_PORT" in told.err
    assert told.out == ""


@pytest.mark.parametrize("verb", ["deploy", "worker"])
def test_a_server_must_be_named_to_deploy_or_work_there(
    verb: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb]) == 2
    assert "PREFECT_API_URL" in capsys.readouterr().err
    assert not settings.home.exists()


@pytest.mark.parametrize(
    ("host", "password", "warned"),
    [
        ("127.0.0.1", "", False),
        ("0.0.0.0", "", True),
        ("0.0.0.0", "name:password", False),
        ("192.0.2.1", "", True),
    ],
)
def test_a_server_that_is_open_to_the_network_is_warned_of(
    host: str,
    password: str,
    warned: bool,
    taken: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EVALBOARD_SERVER_HOST", host)
    monkeypatch.setenv("EVALBOARD_SERVER_PASSWORD", password)
    monkeypatch.setenv("EVALBOARD_VIEWER_PORT", str(taken))
    assert main(["up"]) == 2
    out = " ".join(capsys.readouterr().out.split())
    assert ("without a password" in out) is warned
    assert ("EVALBOARD_SERVER_PASSWORD" in out) is warned
