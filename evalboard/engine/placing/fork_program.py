"""The fork server of a machine's engines: it imports the libraries once and forks an engine's process.

Started by `evalboard.engine.placing.forking`, with the arguments: the number of its listening socket,
the digest of the key, the module that makes engines, and the arguments of its `import_libraries`. It
ends when its standard input ends, which its owner holds open, and all its forks with it.

A message to it is JSON. The first on a connection asks for a process. With the files of the process
beside it, its pipe and its log, and the fields `key`, `environment`, `folder`, `cores` and `takes_device`, it
asks for a fork, which is confined. The answer is `{"process": id}`, and at the end of the process
`{"exit": code}`, below zero for a signal. The end of the connection kills the process, and so does any
message but one: `{"keep": name, "notes": …, "seconds": s}`, with the other end of the process's pipe
beside it. Its answer is `{"kept": true}`.

A process that is kept is idle. `{"key": …, "take": name}` as the first message of a connection asks for
it. The answer is `{"process": id, "notes": …}` with the pipe, or `{}` if there is none. `{"key": …,
"import": true}` lets this server import the libraries before the first fork. An idle process
ends after its seconds, with this server, and before a fork that takes a device that it may use. The server
then removes the `folders` that its notes name.

The server knows no secret that a fork could inherit: its environment is that of a confined engine,
and of the key by which programs are told from engines it has only the digest.
"""

import gc
import hashlib
import json
import os
import selectors
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

from evalboard.engine.hardware import VISIBLE
from evalboard.engine.placing import child_program
from evalboard.process_environment import replace_environment

REQUEST_BYTES = 200_000
FILES = 2
_CREDENTIALS = "3i"
"""Process, user and group at the other end of a socket (`struct ucred`)."""


class _Fork(NamedTuple):
    connection: socket.socket
    process: int
    end: int
    """Descriptor that is readable when the process has ended (`pidfd_open`)."""
    devices: frozenset[str]
    """Names of the GPUs that it may use, none for all that there are."""


class _Idle(NamedTuple):
    """A process that is kept."""

    process: int
    end: int
    devices: frozenset[str]
    name: str
    notes: dict[str, Any]
    pipe: int
    """Its holder's end of its pipe. When it is closed, the process ends by itself."""
    until: float
    """Time of `time.monotonic` at which it ends."""


def main() -> None:
    """Serve until standard input ends."""
    number, digest, made_of, *arguments = sys.argv[1:]
    backend, cpu_kv_cache_gib = arguments
    _Server(
        socket.socket(fileno=int(number)),
        digest,
        lambda: import_module(made_of).import_libraries(backend, int(cpu_kv_cache_gib)),
    ).serve()


class _Server:
    """The connections and forks of this process.

    Args:
        listener: Where programs connect.
        digest: SHA-256 of the key, in hexadecimal.
        import_libraries: Imports what every fork needs. Called before the first fork at the latest.
    """

    def __init__(
        self, listener: socket.socket, digest: str, import_libraries: Callable[[], None]
    ) -> None:
        self._listener = listener
        self._digest = digest
        self._import_libraries = import_libraries
        self._has_imported = False
        self._forks: dict[socket.socket, _Fork] = {}
        self._idle: list[_Idle] = []
        self._selector = selectors.DefaultSelector()
        self._selector.register(0, selectors.EVENT_READ, self._end)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)

    def serve(self) -> NoReturn:
        while True:
            now, ends = time.monotonic(), [idle.until for idle in self._idle]
            for key, _ in self._selector.select(max(0.0, min(ends) - now) if ends else None):
                if self._selector.get_map().get(key.fd) == key:  # one before may have ended it
                    key.data()
            for idle in [one for one in self._idle if one.until <= time.monotonic()]:
                self._end_idle(idle)

    def _end(self) -> None:
        for fork in self._forks.values():
            _kill_group(fork.process)
        for idle in list(self._idle):
            self._end_idle(idle)
        os._exit(0)  # there is nothing to put away, and taking the libraries down takes a second

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if _user(connection) != os.getuid():
            connection.close()
            return
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._start(connection))

    def _start(self, connection: socket.socket) -> None:
        """Start a process for the first message of a connection."""
        self._selector.unregister(connection)
        request, files = _received(connection)
        if not self._is_asked_by_program(request):
            _close(connection, files)
        elif "take" in request:
            _close(None, files)
            self._give(connection, request["take"])
        elif "import" in request:
            _close(connection, files)
            self._import_once()
        else:
            self._fork(connection, request, files)

    def _fork(self, connection: socket.socket, request: dict[str, Any], files: list[int]) -> None:
        devices = _devices(request["environment"])
        if request["takes_device"]:
            for idle in [one for one in self._idle if _share(one.devices, devices)]:
                self._end_idle(idle)
        self._import_once()
        sys.stdout.flush()
        sys.stderr.flush()
        process = os.fork()
        if process == 0:
            self._close_all(connection)
            _become(request, files)
        _close(None, files)
        self._hold(_Fork(connection, process, os.pidfd_open(process), devices))
        _send(connection, {"process": process})

    def _import_once(self) -> None:
        if not self._has_imported:
            self._import_libraries()
            _require_no_device()
            gc.freeze()  # so that no collection in a fork copies all pages
            self._has_imported = True

    def _hold(self, fork: _Fork) -> None:
        """Let a process live as long as its connection."""
        self._forks[fork.connection] = fork
        self._selector.register(fork.connection, selectors.EVENT_READ, lambda: self._hear(fork))
        self._selector.register(fork.end, selectors.EVENT_READ, lambda: self._report_end(fork))

    def _hear(self, fork: _Fork) -> None:
        """Keep a process, or kill it: at any other message, and at the end of its connection."""
        message, files = _received(fork.connection)
        self._selector.unregister(fork.connection)
        if "keep" not in message or len(files) != 1:
            _close(None, files)
            _kill_group(fork.process)
            return
        self._selector.unregister(fork.end)
        del self._forks[fork.connection]
        idle = _Idle(
            process=fork.process,
            end=fork.end,
            devices=fork.devices,
            name=message["keep"],
            notes=message["notes"],
            pipe=files[0],
            until=time.monotonic() + message["seconds"],
        )
        self._idle.append(idle)
        self._selector.register(idle.end, selectors.EVENT_READ, lambda: self._end_idle(idle))
        _send(fork.connection, {"kept": True})
        fork.connection.close()

    def _give(self, connection: socket.socket, name: str) -> None:
        idle = next((one for one in self._idle if one.name == name), None)
        if idle is None:
            _send(connection, {})
            connection.close()
            return
        answer = {"process": idle.process, "notes": idle.notes}
        try:
            socket.send_fds(connection, [json.dumps(answer).encode()], [idle.pipe])
        except OSError:  # the program has ended
            connection.close()
            self._end_idle(idle)
            return
        self._forget(idle)
        self._hold(_Fork(connection, idle.process, idle.end, idle.devices))

    def _end_idle(self, idle: _Idle) -> None:
        """End a process that is kept, and remove what it leaves. Wait until its memory is free."""
        _kill_group(idle.process)
        os.waitpid(idle.process, 0)
        self._forget(idle)
        os.close(idle.end)
        for folder in idle.notes.get("folders", ()):
            shutil.rmtree(folder, ignore_errors=True)

    def _forget(self, idle: _Idle) -> None:
        self._idle.remove(idle)
        self._selector.unregister(idle.end)
        os.close(idle.pipe)

    def _is_asked_by_program(self, request: dict[str, Any]) -> bool:
        return hashlib.sha256(str(request.get("key")).encode()).hexdigest() == self._digest

    def _report_end(self, fork: _Fork) -> None:
        _kill_group(fork.process)  # what it has started, while its number is still its own
        _, status = os.waitpid(fork.process, 0)
        del self._forks[fork.connection]
        self._selector.unregister(fork.end)
        os.close(fork.end)
        with suppress(KeyError):  # its program has closed the connection
            self._selector.unregister(fork.connection)
        _send(fork.connection, {"exit": os.waitstatus_to_exitcode(status)})
        fork.connection.close()

    def _close_all(self, own: socket.socket) -> None:
        """Close, in a fork, what belongs to the server."""
        self._selector.close()
        self._listener.close()
        own.close()
        for fork in self._forks.values():
            fork.connection.close()
            os.close(fork.end)
        for idle in self._idle:
            os.close(idle.pipe)
            os.close(idle.end)


def _received(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return the next message and its files, nothing if it is none."""
    try:
        content, files, _, _ = socket.recv_fds(connection, REQUEST_BYTES, FILES)
        request = json.loads(content)
    except (OSError, ValueError):
        return {}, []
    return request if isinstance(request, dict) else {}, files


def _devices(environment: dict[str, str]) -> frozenset[str]:
    named = environment.get(VISIBLE, "").split(",")
    return frozenset(name.strip() for name in named if name.strip())


def _share(some: frozenset[str], others: frozenset[str]) -> bool:
    """Return whether processes may use the same device, which is the machine itself on a CPU."""
    return not some or not others or not some.isdisjoint(others)


def _become(request: dict[str, Any], files: list[int]) -> NoReturn:
    """Become the process of an engine, as if this program had been started for it."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        pipe, log = files
        for number in (1, 2):
            os.dup2(log, number)
        os.close(log)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        replace_environment(request["environment"])
        os.chdir(request["folder"])
        tempfile.tempdir = request["folder"]
        _take_cores(request["cores"], request["environment"].get("OMP_NUM_THREADS", ""))
        child_program.serve(pipe, is_confined=True)
    finally:
        os._exit(1)  # an error has been printed, and no part of the server may run here


def _take_cores(cores: list[int], threads: str) -> None:
    """Compute on these processors, with the number of threads that the environment names, if any."""
    have_changed = os.sched_getaffinity(0) != set(cores)
    os.sched_setaffinity(0, cores)
    torch = sys.modules.get("torch")
    if torch and (threads.isdecimal() or have_changed):
        torch.set_num_threads(int(threads) if threads.isdecimal() else len(cores))


def _require_no_device() -> None:
    """End this program if a library uses a GPU already: CUDA does not survive a fork.

    The programs then start their engines without it.
    """
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_initialized():
        print("An import has initialised CUDA: no process can be forked.", flush=True)  # noqa: T201
        os._exit(1)


def _user(connection: socket.socket) -> int:
    size = struct.calcsize(_CREDENTIALS)
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return struct.unpack(_CREDENTIALS, found)[1]


def _kill_group(process: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    with suppress(ProcessLookupError):  # before it leads a group of its own
        os.kill(process, signal.SIGKILL)


def _send(connection: socket.socket, fields: dict[str, Any]) -> None:
    with suppress(OSError):  # the program has ended
        connection.send(json.dumps(fields).encode())


def _close(connection: socket.socket | None, files: list[int]) -> None:
    if connection:
        connection.close()
    for number in files:
        os.close(number)


if __name__ == "__main__":
    main()
