"""Start programs, wait until they answer or end, and stop them all."""

import ctypes
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

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
    """

    def __init__(self, logs: Path, environment: dict[str, str]) -> None:
        self._logs = logs
        self._environment = environment
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        for number in ENDING_SIGNALS:
            self._handlers[number] = signal.signal(number, signal.default_int_handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _, process in reversed(self._running):
            _signal_group(process, signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.terminate()
            _signal_group(process, signal.SIGKILL)
            process.wait()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def start(self, name: str, command: Sequence[str]) -> int:
        """Start a program in its own process group, and return its process id."""
        with _signals_held_back():  # until it is known what is to be stopped
            process = self._open(name, command)
            self._running.append((name, process))
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

    def _open(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with self.log_file(name).open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
                preexec_fn=die_with_parent,
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


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


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
