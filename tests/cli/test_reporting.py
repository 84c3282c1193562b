"""What the command line says while somebody waits."""

import pytest

from evalboard.cli.reporting import stage


def test_a_wait_is_told_off_a_terminal_too(capsys: pytest.CaptureFixture[str]) -> None:
    with stage("Starting [the server] …") as tell:
        assert capsys.readouterr().out == "Starting [the server] …\n"
        tell("Waiting for it …")
        assert capsys.readouterr().out == "Waiting for it …\n"
