"""Processes of engines that are forked from one that has imported the libraries (`fork_program`).

Importing takes most of an engine's start. A program that starts many engines, or others that do, runs
one fork server within `fork_server`. These others find it through a variable of the environment.
Where there is none, every engine imports for itself.
"""

import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.engine.environment import confined_environment
from evalboard.engine.hardware import local_gpus
from evalboard.engine.placing.fork_program import REQUEST_BYTES
from evalboard.process_environment import public_environment, variable
from evalboard.settings import FORK_SERVER

SERVER = FORK_SERVER
"""Variable with the name of the server's socket and the key."""
PROGRAM = "evalboard.engine.placing.fork_program"
ANSWER_BYTES = 10_000
KEEP_SECONDS = 1.0
"""Time for the server to take a process over."""


@contextmanager
def fork_server(
    log_file: Path, kernels: Path, made_of: str, backend: str, *, cpu_kv_cache_gib: int
) -> Iterator[None]:
    """Let this program and those that it starts fork their engines, in this context.

    The server imports the libraries before its first fork. It ends with the context or this program,
    and its forks with it.

    Args:
        log_file: Log file of the server.
        kernels: See `confined_environment`.
        made_of: Module that makes engines; see `evalboard.engine.placing.child_program`.
        backend: Name of the backend whose libraries are imported. A fork for another one imports its
            own.
        cpu_kv_cache_gib: As for `import_libraries` of that module.
    """
    name, key = f"evalboard-{secrets.token_hex(8)}", secrets.token_hex(16)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(f"\0{name}")  # without a file: seen in this network namespace only
    listener.listen()
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="evalboard-forks-") as scratch,
        log_file.open("ab") as log,
    ):
        digest = hashlib.sha256(key.encode()).hexdigest()
        arguments = [str(listener.fileno()), digest, made_of, backend, str(cpu_kv_cache_gib)]
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", PROGRAM, *arguments],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=scratch,
            pass_fds=[listener.fileno()],
            env=confined_environment(Path(scratch), kernels, on_gpu=local_gpus().number > 0),
            start_new_session=True,  # Ctrl-C is for the owner
        )
        listener.close()
        assert process.stdin
        try:
            with variable(SERVER, f"{name} {key}"):
                yield
        finally:
            process.stdin.close()
            process.wait()


def is_served() -> bool:
    """Return whether a program around this one has a fork server."""
    return bool(_address())


def import_ahead() -> None:
    """Let the fork server of this program, if any, begin to import the libraries, and do not wait."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        _asked(connection, {"import": True}, [])


class ForkedProcess:
    """A process that a fork server has started for this program.

    Args:
        connection: To the server, which kills the process and those of its group when it closes.
        process: Id of the process, which leads a group.
    """

    def __init__(self, connection: socket.socket, process: int) -> None:
        self.id = process
        self._connection = connection
        self._itself = _pidfd(process)
        if self._itself is not None:  # open as long as somebody may kill the process
            weakref.finalize(self, os.close, self._itself)

    def kill(self) -> None:
        """Kill the process. The server then kills its own processes."""
        if self._itself is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._itself, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for the end of the process and return its exit code, below zero for a signal.

        Call it once.
        """
        answer = _answer(self._connection)
        if "exit" not in answer:  # the server is gone
            with suppress(ProcessLookupError):
                os.killpg(self.id, signal.SIGKILL)
        self._connection.close()
        return answer.get("exit", -signal.SIGKILL)

    def keep(self, pipe: int, name: str, notes: Mapping[str, Any], *, seconds: float) -> bool:
        """Leave the process to the server, and return whether it is kept.

        Args:
            pipe: Descriptor of this program's end of its pipe, which must be at rest.
            name: Name under which `take_process` finds it.
            notes: What the next one to take it must know. The server removes the `folders` that they
                name when it ends the process.
            seconds: Time after which the server ends it.
        """
        message = {"keep": name, "notes": dict(notes), "seconds": seconds}
        try:
            socket.send_fds(self._connection, [json.dumps(message).encode()], [pipe])
            self._connection.settimeout(KEEP_SECONDS)
        except OSError:
            return False
        if "kept" not in _answer(self._connection):
            return False
        self._connection.close()
        return True


def fork_process(
    pipe: int,
    log: int,
    *,
    environment: Mapping[str, str],
    folder: str,
    takes_device: bool = True,
) -> ForkedProcess | None:
    """Start a confined process as a fork of this program's fork server.

    Args:
        pipe: Descriptor of its end of the pipe.
        log: Descriptor of its log.
        environment: All its variables. They must contain no secret: the server reads them.
        folder: Its working folder, and that of its temporary files.
        takes_device: Whether idle processes that may use the same device end before.

    Returns:
        The process, None if no server answers.
    """
    request = {
        "environment": dict(environment),
        "folder": folder,
        "cores": sorted(os.sched_getaffinity(0)),
        "takes_device": takes_device,
    }
    with ExitStack() as opened:
        connection = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        if not _asked(connection, request, [pipe, log]):
            return None
        answer = _answer(connection)
        if "process" not in answer:
            return None
        opened.pop_all()
        return ForkedProcess(connection, answer["process"])


class KeptProcess(NamedTuple):
    """A process that the fork server has kept."""

    process: ForkedProcess
    pipe: int
    """Descriptor of this program's end of its pipe."""
    notes: dict[str, Any]


def take_process(name: str) -> KeptProcess | None:
    """Take an idle process from this program's fork server.

    Args:
        name: The name under which it is kept.

    Returns:
        The process, None if there is none.
    """
    with ExitStack() as opened:
        connection = opened.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        if not _asked(connection, {"take": name}, []):
            return None
        try:
            content, files, _, _ = socket.recv_fds(connection, ANSWER_BYTES, 1)
        except OSError:
            return None
        answer = json.loads(content or b"{}")
        if "process" not in answer or not files:
            return None
        opened.pop_all()
        return KeptProcess(ForkedProcess(connection, answer["process"]), files[0], answer["notes"])


def _address() -> str:
    return public_environment((SERVER,)).get(SERVER, "")


def _asked(connection: socket.socket, request: dict[str, Any], files: list[int]) -> bool:
    """Ask the server on a connection of its own, and return whether it is there to answer."""
    name, _, key = _address().partition(" ")
    content = json.dumps({"key": key, **request}).encode()
    if not name or len(content) > REQUEST_BYTES:
        return False
    try:
        connection.connect(f"\0{name}")
        socket.send_fds(connection, [content], files)
    except OSError:
        return False
    return True


def _pidfd(process: int) -> int | None:
    """Return a descriptor of a process, which no later process can have; None if it has ended."""
    try:
        return os.pidfd_open(process)
    except ProcessLookupError:
        return None


def _answer(connection: socket.socket) -> dict[str, Any]:
    """Return the server's next message, empty if it has ended."""
    try:
        return json.loads(connection.recv(ANSWER_BYTES) or b"{}")
    except OSError:
        return {}
