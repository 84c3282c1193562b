"""Programs in namespaces of their own, which are started again when they end by themselves."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil

from evalboard.files import read_end
from evalboard.services import die_with_parent
from tests.namespaces import AS_PROCESS_1

RESTART_SECONDS = 3.0
"""Pause before a program is started again, as of systemd's `RestartSec` or of a container."""
STOP_SECONDS = 90.0
"""Longest time between SIGTERM and the end of a program. What takes longer is a fault."""


class Program:
    """One program as process 1 of a namespace, with the restart policy of a service.

    When process 1 is killed, the kernel kills all other processes of the namespace.

    Args:
        name: What the report calls it.
        command: The program and its arguments.
        logs: Folder for its output.
        environment: Its variables, beside those of this process.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        logs: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.ends: list[int] = []
        """Exit codes so far; a signal's number is negative or above 128."""
        self._command = [*AS_PROCESS_1, *command]
        self._environment = {**os.environ, **(environment or {})}
        self._log = logs / f"{name}.log"
        self._is_wanted = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._pause = RESTART_SECONDS
        self._keeper = threading.Thread(target=self._keep, name=name, daemon=True)

    def start(self) -> None:
        """Start it, and from now on again whenever it ends."""
        self._is_wanted.set()
        self._process = self._open()
        self._keeper.start()

    def kill(self, *, for_seconds: float = RESTART_SECONDS) -> None:
        """Kill its whole namespace, and wait until it is gone. It is started again after some seconds."""
        self._pause = for_seconds
        before = len(self.ends)
        self._first().kill()
        while len(self.ends) == before:
            time.sleep(0.1)

    def last_words(self) -> str:
        """Return the last line of its output."""
        lines = read_end(self._log, max_bytes=2000).strip().splitlines()
        return lines[-1] if lines else "none"

    def terminate(self) -> int:
        """Ask it to stop, wait until it has, and return its exit code. It is started again."""
        before = len(self.ends)
        self._first().terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while len(self.ends) == before:
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} still runs {STOP_SECONDS:.0f} s after SIGTERM")
            time.sleep(0.1)
        return self.ends[-1]

    def stop(self) -> int:
        """Stop it for good and return its exit code, which is a signal's if it had to be killed."""
        self._is_wanted.clear()
        try:
            self.terminate()
        except AssertionError:
            self.kill()
        self._keeper.join()
        return self.ends[-1]

    def _first(self) -> psutil.Process:
        """Return process 1 of the namespace, as it is seen from outside, once it catches SIGTERM.

        The kernel keeps signals from a process 1 that it does not catch.
        """
        assert self._process
        while True:
            with suppress(psutil.NoSuchProcess):  # it is about to be started again
                children = psutil.Process(self._process.pid).children()
                if children and _catches_sigterm(children[0]):
                    return children[0]
            time.sleep(0.1)

    def _open(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
                preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGKILL),
            )

    def _keep(self) -> None:
        assert self._process
        while True:
            self.ends.append(self._process.wait())
            if not self._is_wanted.is_set():
                return
            time.sleep(self._pause)
            self._pause = RESTART_SECONDS
            self._process = self._open()


def _catches_sigterm(process: psutil.Process) -> bool:
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:  # it has ended
        return False
    caught = dict(line.split(":", 1) for line in lines)["SigCgt"]
    return bool(int(caught, 16) & 1 << signal.SIGTERM - 1)
