import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from leaderboard_app import connections
from leaderboard_app.addresses import Proxies
from leaderboard_app.connections import Connections, LimitedProtocol
from tests.leaderboard_app.serving import serving
from tests.leaderboard_app.surroundings import Message, answering, swallow

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
PATIENCE_SECONDS = 60.0


class Reader:
    """Opens connections to a server, and closes them at the end."""

    def __init__(self, address: str) -> None:
        target = urlsplit(address)
        self._target = (target.hostname or "", target.port or 0)
        self.opened: list[socket.socket] = []

    def connect(self, *, buffer: int | None = None) -> socket.socket:
        connection = socket.socket()
        if buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(self._target)
        self.opened.append(connection)
        return connection

    def ask(self) -> bytes:
        """Ask in a new connection and return the start of the answer."""
        connection = self.connect()
        connection.sendall(REQUEST)
        return connection.recv(100)


@contextmanager
def reading(app: Any, limits: Connections) -> Iterator[Reader]:
    with serving(app, limits) as address:
        reader = Reader(address)
        try:
            yield reader
        finally:
            for connection in reader.opened:
                connection.close()


def is_ended(connection: socket.socket) -> bool:
    """Wait until the server ends a connection."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_connection_sends_without_waiting_for_its_reader() -> None:
    connected: list[int] = []

    class Noting(Connections):
        def opened(self, new: LimitedProtocol, address: str) -> None:
            super().opened(new, address)
            its = new.transport.get_extra_info("socket")
            connected.append(its.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    with reading(answering(), Noting(100, 100, Proxies([]))) as reader:
        assert reader.ask().startswith(b"HTTP/1.1 200")
    assert connected == [1]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.2)
    monkeypatch.setattr(connections, "READ_SECONDS", 0.2)
    monkeypatch.setattr(connections, "CLOSE_SECONDS", 0.2)
    monkeypatch.setattr(connections, "LOOKS_EVERY", 1)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        REQUEST + b"GET / HT",
        REQUEST + REQUEST + b"POST / HTTP/1.1\r\nContent-Le",
    ],
)
@pytest.mark.usefixtures("quick")
def test_a_connection_without_a_whole_request_is_ended(sent: bytes) -> None:
    limits = Connections(100, 100, Proxies([]))
    with reading(answering(), limits) as reader:
        connection = reader.connect()
        connection.sendall(sent)
        assert is_ended(connection)
        wait_until(lambda: len(limits) == 0)


def drip(connection: socket.socket, sent: bytes) -> None:
    for byte in sent:
        connection.sendall(bytes([byte]))
        time.sleep(0.01)


@pytest.mark.usefixtures("quick")
def test_bytes_that_drip_in_do_not_keep_a_connection() -> None:
    with reading(answering(), Connections(100, 100, Proxies([]))) as reader:
        with pytest.raises(ConnectionError):
            drip(reader.connect(), REQUEST[:-2] * 1000)


POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED, b"1;a=b\r\nx\r\n"),
        (CHUNKED, b"8\r\n12345678\r\n"),
        (CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n"),
        (POST + b"Content-Length: 100000000\r\n\r\n", b"x" * 1000),
    ],
    ids=range(5),
)
def test_a_request_is_not_read_without_end(head: bytes, piece: bytes) -> None:
    with reading(swallow, Connections(100, 100, Proxies([]))) as reader:
        connection = reader.connect()
        with pytest.raises(ConnectionError):
            send_all(connection, [head, *[piece * 100] * 10_000])


def send_all(connection: socket.socket, parts: Sequence[bytes]) -> None:
    for part in parts:
        connection.sendall(part)


@pytest.mark.usefixtures("quick")
def test_who_does_not_read_the_answer_is_ended() -> None:
    limits = Connections(100, 100, Proxies([]))
    with reading(answering(bytes(50_000_000)), limits) as reader:
        connection = reader.connect(buffer=4096)
        connection.sendall(REQUEST)
        wait_until(lambda: len(limits) == 1)
        wait_until(lambda: len(limits) == 0)


@pytest.mark.usefixtures("quick")
def test_an_answer_that_takes_long_is_waited_for() -> None:
    go_on = threading.Event()
    with reading(answering(wait=go_on), Connections(100, 100, Proxies([]))) as reader:
        connection = reader.connect()
        connection.sendall(REQUEST.replace(b"/ ", b"/slow "))
        time.sleep(0.6)
        go_on.set()
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


KEEPING = [
    b"",
    b"GET / HT",
    REQUEST,
    POST + b"Content-Length: 100\r\n\r\n",
    CHUNKED + b"2\r\n{}\r\n",
    b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n",
]


async def reading_large(scope: Message, receive: Any, send: Any) -> None:
    """Read a request to its end; the answer of the path `/large` is large."""
    app = answering(bytes(20_000_000)) if scope.get("path") == "/large" else swallow
    await app(scope, receive, send)


@pytest.mark.parametrize("each", [1000, 8])
@pytest.mark.parametrize("sent", KEEPING, ids=range(len(KEEPING)))
def test_who_keeps_the_server_waiting_gives_way_to_a_reader(sent: bytes, each: int) -> None:
    limits = Connections(8, each, Proxies([]))
    with reading(reading_large, limits) as reader:
        for _ in range(40):
            connection = reader.connect(buffer=4096)
            with contextlib.suppress(ConnectionError):
                connection.sendall(sent)
        assert reader.ask().startswith(b"HTTP/1.1 200")
        assert len(limits) <= 10
        assert is_ended(reader.opened[0])


def test_one_address_has_a_limit_and_a_trusted_proxy_has_none() -> None:
    alone = Connections(1000, 5, Proxies([]))
    with reading(answering(), alone) as reader:
        for _ in range(20):
            reader.connect()
        assert reader.ask().startswith(b"HTTP/1.1 200")
        assert len(alone) <= 5
    shared = Connections(1000, 5, Proxies(["127.0.0.0/8"]))
    with reading(answering(), shared) as reader:
        for _ in range(20):
            reader.connect()
        assert reader.ask().startswith(b"HTTP/1.1 200")
        assert len(shared) == 21


def test_requests_in_progress_are_not_ended_for_new_ones() -> None:
    go_on = threading.Event()
    limits = Connections(3, 1000, Proxies([]))
    with reading(answering(wait=go_on), limits) as reader:
        busy = [reader.connect() for _ in range(3)]
        for connection in busy:
            connection.sendall(REQUEST.replace(b"/ ", b"/slow "))
        # They are being answered as soon as a new connection finds no place.
        wait_until(lambda: len(limits) == 3)
        time.sleep(0.1)
        assert is_ended(reader.connect())
        go_on.set()
        for connection in busy:
            assert connection.recv(100).startswith(b"HTTP/1.1 200")


PROGRAM = """
import resource, socket
from evalboard.settings import Settings
from leaderboard_app.connections import make_server
from tests.leaderboard_app.surroundings import answering
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
make_server(answering(), Settings()).run(sockets=[listener])
"""


def test_a_small_limit_of_files_is_never_reached() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            reader = Reader(f"http://127.0.0.1:{int(process.stdout.readline())}")
            for _ in range(400):
                reader.connect()
            assert reader.ask().startswith(b"HTTP/1.1 200")
            assert len(list(Path(f"/proc/{process.pid}/fd").iterdir())) < 200
            for connection in reader.opened:
                connection.close()
        finally:
            process.kill()
