"""Start programs, wait until they answer or end, and stop them all."""

import ctypes
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

from evalboard.errors import ConfigError

STOP_SECONDS = 15
ANSWER_SECONDS = 600
"""Time for a program to answer at first. A busy machine takes minutes for it."""
PR_SET_PDEATHSIG = 1
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """Raised at SIGTERM: the work ends in good order, as after Ctrl-C."""


class Services:
    """Programs that end with this one. Leaving the context stops them, the last one first.

    Within the context SIGINT raises KeyboardInterrupt, even if a shell started this program in the
    background with SIGINT ignored, and SIGTERM raises `Terminated`.

    Args:
        logs: Folder for their output, one file per program. It is their working directory, too.
        environment: Environment variables of the programs.
        on_interrupt: Function to call at a signal instead, with the signal's number. Then the
            programs are stopped, and this process ends at once.
        has_files: Whether output has a file at all. Otherwise all of it is this program's own.
    """

    def __init__(
        self,
        logs: Path,
        environment: dict[str, str],
        *,
        on_interrupt: Callable[[int], None] | None = None,
        has_files: bool = True,
    ) -> None:
        self._logs = logs
        self._has_files = has_files
        self._environment = environment
        self._on_interrupt = on_interrupt
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._unlogged: set[str] = set()
        self._spared: set[str] = set()
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        handler = self._stop_and_end if self._on_interrupt else raise_interrupt
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
        _ignore_signals()
        while self._running:
            _, process = self._running[-1]
            _end_children(process)
            _signal_group(process, signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.terminate()
            _signal_group(process, signal.SIGKILL)
            process.wait()
            self._running.pop()

    def _stop_and_end(self, number: int, frame: FrameType | None) -> NoReturn:
        assert self._on_interrupt
        _ignore_signals()
        try:
            self._on_interrupt(number)
        finally:
            _fall_silent()
            self._stop()
            end_at_once(number)

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        listener: socket.socket | None = None,
        is_logged: bool = True,
        is_needed: bool = True,
    ) -> int:
        """Start a program in its own process group, and return its process id.

        Args:
            name: What messages and the log call it.
            command: The program and its arguments.
            listener: A listening socket that becomes the program's, which finds its number in
                the argument `--listener`. No other program can then answer in its place.
            is_logged: Whether its output goes to its log instead of this program's own output.
            is_needed: Whether the others are useless without it.
        """
        is_logged = is_logged and self._has_files
        with _signals_held_back():  # until it is known what is to be stopped
            process = self._open(name, command, listener, is_logged=is_logged)
            if not is_logged:
                self._unlogged.add(name)
            if not is_needed:
                self._spared.add(name)
            self._running.append((name, process))
        if listener:
            listener.close()
        return process.pid

    def cut_logs(self, max_bytes: int) -> None:
        """Move the content of files that have become larger aside, to `{name}.log.1`.

        The programs go on writing to the same files.
        """
        for log in self._logs.glob("*.log"):
            if log.stat().st_size > max_bytes:
                shutil.copyfile(log, f"{log}.1")
                os.truncate(log, 0)

    def run(self, name: str, command: Sequence[str]) -> None:
        """Run a program to its end.

        Raises:
            ConfigError: The program failed. The message names its log.
        """
        self.start(name, command)
        if self._running[-1][1].wait():
            raise ConfigError(f"{name} failed: {_last_words(self.log_file(name))}")
        self._running.pop()

    def _open(
        self,
        name: str,
        command: Sequence[str],
        listener: socket.socket | None,
        *,
        is_logged: bool,
    ) -> subprocess.Popen[bytes]:
        handed_on = [listener.fileno()] if listener else []
        with self.log_file(name).open("ab") as log:
            return subprocess.Popen(
                [*command, *(f"--listener={number}" for number in handed_on)],
                pass_fds=handed_on,
                cwd=self._logs,  # `python -m` would prefer modules of the user's working directory
                stdin=subprocess.DEVNULL,
                stdout=log if is_logged else None,
                stderr=subprocess.STDOUT if is_logged else None,
                env=self._environment,
                start_new_session=True,
                preexec_fn=partial(die_with_parent, os.getpid()),
            )

    def wait_for(self, name: str, url: str) -> None:
        """Wait until a started program answers at its address.

        Raises:
            ConfigError: The program ended, or does not answer in time. The message names its log.
        """
        deadline = time.monotonic() + ANSWER_SECONDS
        while not _answers(url):
            self.check()
            if time.monotonic() > deadline:
                raise ConfigError(
                    f"{name} does not answer at {url} after {ANSWER_SECONDS} s. See its log "
                    f"{self.log_file(name)}."
                )
            time.sleep(0.2)
        self.check()

    def check(self) -> None:
        """Raise ConfigError if one of the programs has ended that are needed."""
        for name, process in self._running:
            if process.poll() is not None and name not in self._spared:
                said = "" if name in self._unlogged else f": {_last_words(self.log_file(name))}"
                raise ConfigError(f"{name} ended with exit code {process.returncode}{said}")

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


def raise_interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Handle a signal by an exception. After SIGTERM further signals change nothing."""
    if number != signal.SIGTERM:
        raise KeyboardInterrupt
    _ignore_signals()
    raise Terminated


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM raise `Terminated` in this context."""
    with handled_by(raise_interrupt, [signal.SIGTERM]):
        yield


@contextmanager
def handled_by(
    handler: Callable[[int, FrameType | None], object],
    numbers: Iterable[int] = ENDING_SIGNALS,
) -> Iterator[None]:
    """Handle signals by a function in this context. Only the main thread can do that.

    Afterwards all `ENDING_SIGNALS` have their handlers of before, whatever was set meanwhile.
    """
    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    for number in numbers:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def keep_handlers() -> None:
    """Handle signals here again, after a library has put handlers of its own in front.

    Ray prints a trace of the stack at SIGTERM, although the program handles it.
    """
    if threading.current_thread() is threading.main_thread():
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.getsignal(number))


def end_at_once(number: int) -> NoReturn:
    """End this process and everything that it has started, in the way that a signal ends one.

    For SIGINT that is exit code 130, which shells expect of a program that has handled it. By
    SIGTERM itself, because systemd counts that end as clean, and an exit code of 143 as a failure.
    Only the main thread can end a process by a signal: in another, the code it is.
    """
    _fall_silent()
    _kill_children()
    if number == signal.SIGTERM and threading.current_thread() is threading.main_thread():
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    os._exit(128 + number)  # also process 1 of a container, which no signal ends by default


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Delay the signals that end this program until the context is left."""
    came: list[int] = []
    try:
        with handled_by(lambda number, _: came.append(number)):
            yield
    finally:
        for number in came:
            signal.raise_signal(number)


def _fall_silent() -> None:
    """Write no more: other threads go on for a moment, and miss what is being stopped."""
    sys.stdout.flush()
    sys.stderr.flush()
    with open(os.devnull, "wb") as nowhere:
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)


def _kill_children() -> None:
    """Kill everything that this process has started otherwise.

    Ray's servers end with their parent by themselves, but their helpers take minutes to notice.
    """
    import psutil

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _ignore_signals() -> None:
    for number in ENDING_SIGNALS:
        signal.signal(number, _ignore)


def _end_children(process: subprocess.Popen[bytes]) -> None:
    """End what a program has started itself, while it can still see how that ends."""
    import psutil  # a viewer starts no programs

    try:
        children = psutil.Process(process.pid).children()
    except psutil.NoSuchProcess:
        return
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.terminate()
    psutil.wait_procs(children, timeout=STOP_SECONDS)


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


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"{lines[-1] if lines else 'no output'} (log: {log})"
