"""Start programs, wait until they answer or end, and stop them all."""

import ctypes
import ipaddress
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

from evalboard.errors import ConfigError

STOP_SECONDS = 15
PR_SET_PDEATHSIG = 1
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Services:
    """Programs that end with this one. Leaving the context stops them, the last one first.

    Within the context SIGINT and SIGTERM raise KeyboardInterrupt, even if a shell started this
    program in the background with SIGINT ignored.

    Args:
        logs: Folder for their output, one file per program.
        environment: Environment variables of the programs.
        on_interrupt: Function to call at a signal instead, after the programs have been stopped.
            It does not return.
    """

    def __init__(
        self,
        logs: Path,
        environment: dict[str, str],
        *,
        on_interrupt: Callable[[], NoReturn] | None = None,
    ) -> None:
        self._logs = logs
        self._environment = environment
        self._on_interrupt = on_interrupt
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        handler = self._stop_and_end if self._on_interrupt else signal.default_int_handler
        for number in ENDING_SIGNALS:
            self._handlers[number] = signal.signal(number, handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _stop(self) -> None:
        """Stop all programs. Further signals change nothing: a program that stays is killed."""
        for number in ENDING_SIGNALS:
            signal.signal(number, _ignore)
        while self._running:
            _, process = self._running[-1]
            _signal_group(process, signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.terminate()
            _signal_group(process, signal.SIGKILL)
            process.wait()
            self._running.pop()

    def _stop_and_end(self, number: int, frame: FrameType | None) -> None:
        self._stop()
        assert self._on_interrupt
        self._on_interrupt()

    def start(
        self, name: str, command: Sequence[str], *, listener: socket.socket | None = None
    ) -> int:
        """Start a program in its own process group, and return its process id.

        Args:
            name: What messages and the log call it.
            command: The program and its arguments.
            listener: A listening socket that becomes the program's, which finds its number in
                the argument `--listener`. No other program can then answer in its place.
        """
        with _signals_held_back():  # until it is known what is to be stopped
            process = self._open(name, command, listener)
            self._running.append((name, process))
        if listener:
            listener.close()
        return process.pid

    def run(self, name: str, command: Sequence[str]) -> None:
        """Run a program to its end.

        Raises:
            ConfigError: The program failed. The message names its log.
        """
        self.start(name, command)
        if self._running[-1][1].wait():
            log = self.log_file(name)
            raise ConfigError(f"{name} failed: {_last_line(log)} (log: {log})")
        self._running.pop()

    def _open(
        self, name: str, command: Sequence[str], listener: socket.socket | None
    ) -> subprocess.Popen[bytes]:
        handed_on = [listener.fileno()] if listener else []
        with self.log_file(name).open("ab") as log:
            return subprocess.Popen(
                [*command, *(f"--listener={number}" for number in handed_on)],
                pass_fds=handed_on,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
                preexec_fn=partial(die_with_parent, os.getpid()),
            )

    def wait_for(self, name: str, url: str, *, timeout_seconds: float) -> None:
        """Wait until a started program answers at its address.

        Raises:
            ConfigError: The program ended, or does not answer in time. The message names its log.
        """
        deadline = time.monotonic() + timeout_seconds
        while not _answers(url):
            self.check()
            if time.monotonic() > deadline:
                raise ConfigError(
                    f"{name} does not answer at {url} after {timeout_seconds:.0f} s. See its log "
                    f"{self.log_file(name)}."
                )
            time.sleep(0.2)
        self.check()

    def check(self) -> None:
        """Raise ConfigError if one of the programs has ended."""
        for name, process in self._running:
            if process.poll() is not None:
                raise ConfigError(
                    f"{name} ended with exit code {process.returncode}: "
                    f"{_last_line(self.log_file(name))} (log: {self.log_file(name)})"
                )

    def log_file(self, name: str) -> Path:
        """Return the log file of a program."""
        return self._logs / f"{name}.log"


def listen(host: str, port: int, *, setting: str) -> socket.socket:
    """Take a port, before anything is done that needs it.

    Args:
        host: Address of this machine.
        port: The port, 0 for any free one.
        setting: Beginning of the two settings that give the address: `EVALBOARD_VIEWER`.

    Raises:
        ConfigError: Another program has the port, or the address is not of this machine.
    """
    try:
        return socket.create_server((host, port), family=_family(host))
    except OSError as exc:
        number = exc.errno or 0
        reason = os.strerror(number) if number > 0 else exc.strerror
        raise ConfigError(
            f"Port {port} of {host!r} cannot be used: {reason}. Stop the program that uses it, or "
            f"change {setting}_PORT or {setting}_HOST."
        ) from exc


def address_of(listener: socket.socket) -> str:
    """Return the address of a page that a listening socket of this machine will answer with."""
    name, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(str(name), str(name))
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches what listens on an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def inherited(number: int) -> socket.socket:
    """Return a listening socket that the parent process has handed on."""
    return socket.socket(fileno=number)


def die_with_parent(parent: int, number: int = signal.SIGTERM) -> None:
    """Ask Linux to end this process when its parent is killed, also if that has just happened.

    Args:
        parent: Id of the parent process.
        number: The signal that ends this process.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Delay the signals that end this program until the context is left."""
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: came.append(number))
        for number in ENDING_SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Handle a signal by nothing. Programs that are started do not inherit this, as SIG_IGN."""


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "no output"
