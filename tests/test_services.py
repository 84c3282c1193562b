import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from evalboard.errors import ConfigError
from evalboard.services import Services

WAITING = "import signal; print('ready', flush=True); signal.pause()"
CHILD = """
import os, signal, sys
with open(sys.argv[1], "w") as started:
    started.write(str(os.getpid()))
signal.pause()
"""


def test_a_program_runs_to_its_end(tmp_path: Path) -> None:
    with Services(tmp_path, {"WORD": "done"}) as services:
        services.run("one", [sys.executable, "-c", "import os; print(os.environ['WORD'])"])
    assert (tmp_path / "one.log").read_text(encoding="utf-8") == "done\n"


def test_a_program_that_fails_is_named_with_its_last_words(tmp_path: Path) -> None:
    program = "import sys; sys.exit('no such model')"
    with (
        Services(tmp_path, {}) as services,
        pytest.raises(ConfigError, match=r"^two failed: no such model \(log: .*two\.log\)"),
    ):
        services.run("two", [sys.executable, "-c", program])


def test_a_program_that_has_ended_well_is_not_watched(tmp_path: Path) -> None:
    with Services(tmp_path, {}) as services:
        services.run("one", [sys.executable, "-c", ""])
        services.check()


def test_leaving_stops_what_was_started(tmp_path: Path) -> None:
    with Services(tmp_path, {}) as services:
        process = psutil.Process(services.start("waiting", [sys.executable, "-c", WAITING]))
    assert not process.is_running()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_program_that_runs(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "import os, sys; from pathlib import Path; from evalboard.services import Services\n"
        f"with Services(Path({str(tmp_path)!r}), dict(os.environ)) as services:\n"
        f"    os.mkfifo({str(tmp_path / 'started')!r})\n"
        "    print('ready', flush=True)\n"
        f"    services.run('child', [sys.executable, '-c', {CHILD!r}, {str(tmp_path / 'started')!r}])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        child = psutil.Process(int((tmp_path / "started").read_text(encoding="utf-8")))
        holder.send_signal(number)
        _, errors = holder.communicate()
    assert "KeyboardInterrupt" in errors
    assert not child.is_running()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_a_start_leaves_no_program(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def interrupted(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*args, **options))
        signal.raise_signal(number)
        return started[0]

    popen: Any = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", interrupted)
    with pytest.raises(KeyboardInterrupt), Services(tmp_path, {}) as services:
        services.start("waiting", [sys.executable, "-c", WAITING])
    assert not psutil.pid_exists(started[0].pid)


def test_handlers_of_signals_are_as_before(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Services(tmp_path, {}):
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
