import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from evalboard.errors import ConfigError
from evalboard.services import Services, address_of, is_loopback, listen, raise_interrupt

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


def test_a_program_prefers_no_module_of_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "calendar.py").write_text("raise ImportError", encoding="utf-8")
    monkeypatch.chdir(project)
    with Services(tmp_path / "logs", {}) as services:
        services.run("one", [sys.executable, "-m", "calendar", "2026"])


def test_the_output_of_a_program_that_is_not_logged_is_this_programs_own(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Services(tmp_path, {}) as services:
        program = [sys.executable, "-c", "import sys; print('seen', flush=True); sys.exit(3)"]
        services.start("one", program, is_logged=False)
        with pytest.raises(ConfigError, match="^one ended with exit code 3$"):
            services.wait_for("one", "http://127.0.0.1:9")
    assert capfd.readouterr().out == "seen\n"


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
    assert ("Terminated" if number is signal.SIGTERM else "KeyboardInterrupt") in errors
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
        assert signal.getsignal(signal.SIGTERM) is raise_interrupt
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


SERVER = """
import http.server, socket, sys
listener = socket.socket(fileno=int(sys.argv[1].removeprefix("--listener=")))
server = http.server.HTTPServer(("", 0), http.server.SimpleHTTPRequestHandler, False)
server.socket = listener
server.serve_forever()
"""


def test_a_program_answers_on_a_port_that_was_taken_before_it_started(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("ours", encoding="utf-8")
    with Services(tmp_path, {}) as services:
        listener = listen("127.0.0.1", 0, setting="EVALBOARD_VIEWER")
        address = address_of(listener)
        program = f"import os; os.chdir({str(tmp_path)!r})\n{SERVER}"
        services.start("server", [sys.executable, "-c", program], listener=listener)
        services.wait_for("server", address)
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert answer.read() == b"ours"


def test_a_program_that_ends_is_not_waited_for(tmp_path: Path) -> None:
    listener = listen("127.0.0.1", 0, setting="EVALBOARD_VIEWER")
    address = address_of(listener)
    with Services(tmp_path, {}) as services:
        services.start("server", [sys.executable, "-c", "exit('broken')"], listener=listener)
        with pytest.raises(ConfigError, match="server ended with exit code 1: broken"):
            services.wait_for("server", address)


@pytest.mark.parametrize("other", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_named_with_its_setting(other: str) -> None:
    with socket.create_server((other, 0)) as taken:
        port = taken.getsockname()[1]
        message = f"Port {port} of '127.0.0.1' cannot be used: Address already in use.*_SERVER_PORT"
        with pytest.raises(ConfigError, match=message):
            listen("127.0.0.1", port, setting="EVALBOARD_SERVER")


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_named_with_its_setting(host: str) -> None:
    with pytest.raises(ConfigError, match=f"of '{host}' cannot be used: .*EVALBOARD_VIEWER_HOST"):
        listen(host, 0, setting="EVALBOARD_VIEWER")


def test_pages_on_all_addresses_are_found_on_this_machine() -> None:
    with listen("0.0.0.0", 0, setting="EVALBOARD_VIEWER") as listener:
        assert address_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("host", "closed"),
    [
        ("127.0.0.1", True),
        ("127.0.1.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("127.example.org", False),
    ],
)
def test_only_loopback_is_closed_to_the_network(host: str, closed: bool) -> None:
    assert is_loopback(host) is closed


STUBBORN = """
import signal, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: print("not yet", flush=True))
print("ready", flush=True)
while True:
    time.sleep(60)
"""


def test_a_second_signal_while_stopping_leaves_no_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evalboard.services.STOP_SECONDS", 1)
    with Services(tmp_path, {}) as services:
        started = [
            psutil.Process(services.start(f"stubborn{n}", [sys.executable, "-c", STUBBORN]))
            for n in range(2)
        ]
        while not all((tmp_path / f"stubborn{n}.log").read_bytes() for n in range(2)):
            services.check()
        here = psutil.Process().pid
        signals = ["sh", "-c", f"sleep 0.3; kill -TERM {here}; kill -INT {here}"]
        raise_later = subprocess.Popen(signals)
    raise_later.wait()
    assert not any(process.is_running() for process in started)


ENDING = """
import os, sys, threading, time
from pathlib import Path
from evalboard.services import Services

def end(number):
    print(f"ended by {number}", flush=True)

with Services(Path(sys.argv[1]), dict(os.environ), on_interrupt=end) as services:
    threading.Thread(target=time.sleep, args=(600,)).start()  # an evaluation
    print(services.start("child", [sys.executable, "-c", sys.argv[2]]), flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupt_does_not_wait_for_threads(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENDING, str(tmp_path), WAITING], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        child = psutil.Process(int(holder.stdout.readline()))
        holder.send_signal(number)
        said, _ = holder.communicate()
    said_before = "" if number is signal.SIGKILL else f"ended by {number}\n"
    code = 130 if number is signal.SIGINT else -number
    assert (said, holder.returncode) == (said_before, code)
    psutil.wait_procs([child], timeout=60)
    assert not child.is_running()


def test_a_log_that_becomes_too_large_is_moved_aside_and_goes_on(tmp_path: Path) -> None:
    said = "import sys; print('a' * 100, flush=True); sys.stdin.read(); print('b')"
    log = tmp_path / "talker.log"
    with log.open("ab") as output:
        program = subprocess.Popen(
            [sys.executable, "-c", said], stdin=subprocess.PIPE, stdout=output
        )
        while log.stat().st_size < 100:
            time.sleep(0.05)
        Services(tmp_path, {}).cut_logs(1000)
        assert log.stat().st_size > 100
        Services(tmp_path, {}).cut_logs(99)
        program.communicate(b"")
    assert log.read_text(encoding="utf-8") == "b\n"
    assert (tmp_path / "talker.log.1").read_text(encoding="utf-8") == "a" * 100 + "\n"
