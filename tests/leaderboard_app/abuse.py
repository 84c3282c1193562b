"""The viewer under abuse: `python -m tests.leaderboard_app.abuse`.

A storm of what strangers can send, and beside it a reader who asks for the board. The reader is a
process of its own. The limits are those of the last lines.
"""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from evalboard.stores.local import LocalStore
from tests.leaderboard_app.bench.material import fill_board
from tests.leaderboard_app.bench.program import files_of, memory_of, viewer_program
from tests.leaderboard_app.bench.readers import percentile

MODELS = 1000
LONGEST_P95_SECONDS = 0.5
MOST_BYTES = 600_000_000
REST_SECONDS = 60
PAUSE_SECONDS = 0.05
PATTERNS = ("/a*a*a*a*a*!/", "/(a+)+!/", "/.*.*.*.*.*.*!/", "/(a|a)(a|a)(a|a)(a|a)(a|a)!/")
QUESTIONS = "/data/questions.json?m=org/none&benchmark=medmcqa"
READER = "127.0.0.2"
"""Address of the reader: the storm takes the places of its own address, not those of others."""
STREAMS = 64
"""Senders at the same time, each with a connection for every request."""


class Storm(NamedTuple):
    """How much of each is sent."""

    silent: int = 400
    """Connections without a byte, and as many with half a request."""
    bodies: int = 50
    body_bytes: int = 40_000_000
    floods: int = 100
    """Bodies in pieces of one byte."""
    joins: int = 1000
    """Of Gradio's queue, and as many calls of its functions."""
    searches: int = 1000
    pages: int = 1000


class Sender:
    """Sends requests without caring for what comes back.

    Args:
        address: Of the server.
        own: The machine's address that the connections come from; each has limits of its own.
    """

    def __init__(self, address: str, own: str = "127.0.0.1") -> None:
        target = urlsplit(address)
        self._host, self._port = target.hostname or "", target.port or 0
        self._own = own
        self._writers: list[asyncio.StreamWriter] = []

    async def leave_open(self, sent: bytes) -> None:
        """Open a connection, send something, and keep it open."""
        _, writer = await self._connect()
        self._writers.append(writer)
        writer.write(sent)

    async def post(self, path: str, body: bytes, *, chunked: bool = False) -> int:
        """Send a body until it is taken or refused; return the status, 0 if there was none."""
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: board\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\n{length}\r\n\r\n"
        )
        pieces = [body[at : at + 65536] for at in range(0, len(body), 65536)]
        if chunked:
            pieces = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"]
        return await self._ask(head.encode(), pieces)

    async def flood(self, path: str, count: int) -> int:
        """Send a body in pieces of one byte until it is refused; return the status as `post`."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: board\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        )
        return await self._ask(head.encode(), [b"1\r\n \r\n" * 1000] * (count // 1000))

    async def get(self, target: str) -> int:
        """Ask for something, read the answer, and return its status."""
        head = f"GET {target} HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n"
        return await self._ask(head.encode(), [])

    def close(self) -> None:
        """Close all connections that were left open."""
        for writer in self._writers:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port, local_addr=(self._own, 0))

    async def _ask(self, head: bytes, pieces: list[bytes]) -> int:
        status = 0
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await self._connect()
            with contextlib.suppress(ConnectionError):
                for piece in [head, *pieces]:
                    writer.write(piece)
                    await writer.drain()
            with contextlib.suppress(ConnectionError):
                line = await reader.readline()
                status = int(line.split()[1]) if line.startswith(b"HTTP/") else 0
                while await reader.read(65536):
                    pass
            writer.close()
        return status


async def rage(address: str, storm: Storm) -> dict[int, int]:
    """Send a storm, and return how often each status came back; 0 is none."""
    sender = Sender(address)
    try:
        for _ in range(storm.silent):
            await sender.leave_open(b"")
            await sender.leave_open(b"POST /api/check HTTP/1.1\r\nHost: board\r\nContent-")
        return await _send_all(list(_requests(sender, storm)))
    finally:
        sender.close()


def _requests(sender: Sender, storm: Storm) -> Iterator[Callable[[], Awaitable[int]]]:
    large = b'{"model":[' + b"[]," * (storm.body_bytes // 3) + b"[]]}"
    for number in range(storm.bodies):
        yield lambda chunked=number % 2 > 0: sender.post("/api/check", large, chunked=chunked)
    for _ in range(storm.floods):
        yield lambda: sender.flood("/api/check", storm.body_bytes)
    for number in range(storm.joins):
        call = json.dumps({"data": [], "fn_index": 0, "session_hash": f"s{number}"}).encode()
        yield lambda call=call: sender.post("/gradio_api/queue/join", call)
        yield lambda call=call: sender.post("/gradio_api/run/load", call)
    for number in range(storm.searches):
        words = PATTERNS[number % len(PATTERNS)].replace("+", "%2B").replace("|", "%7C")
        yield lambda words=words: sender.get(f"/api/names?q={words}")
        yield lambda words=words: sender.get(f"{QUESTIONS}&search={words}")
    for _ in range(storm.pages):
        yield lambda: sender.get("/analysis")


async def _send_all(requests: list[Callable[[], Awaitable[int]]]) -> dict[int, int]:
    statuses: dict[int, int] = {}

    async def send_some() -> None:
        while requests:
            status = await requests.pop()()
            statuses[status] = statuses.get(status, 0) + 1

    await asyncio.gather(*(send_some() for _ in range(STREAMS)))
    return statuses


async def read_board(address: str, is_over: Callable[[], bool]) -> list[float]:
    """Ask for the board again and again in new connections; return every wait in seconds.

    Raises:
        RuntimeError: An answer was not the board.
    """
    waits: list[float] = []
    sender = Sender(address, READER)
    while not is_over():
        start = time.perf_counter()
        status = await sender.get("/data/board.json")
        waits.append(time.perf_counter() - start)
        if status != 200:
            raise RuntimeError(f"The reader got the status {status} instead of the board.")
        await asyncio.sleep(PAUSE_SECONDS)
    return waits


def main() -> int:
    """Measure and print; return 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m tests.leaderboard_app.abuse")
    parser.add_argument("--read", nargs=2, metavar=("ADDRESS", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.read:
        address, end = asked.read
        waits = asyncio.run(read_board(address, Path(end).exists))
        sys.stdout.write(json.dumps(waits))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill_board(LocalStore(home / "board"), MODELS)
        with viewer_program(home) as (address, process):
            return _measure(home, address, process)


def _measure(home: Path, address: str, process: subprocess.Popen[bytes]) -> int:
    files, memory = files_of(process), memory_of(process)
    with _reader(home / "over", address) as reader:
        start = time.monotonic()
        statuses = asyncio.run(rage(address, Storm()))
        seconds = time.monotonic() - start
        (home / "over").touch()
        waits: list[float] = json.loads(reader.communicate(timeout=120)[0])
    rest = _seconds_to_rest(process, files)
    p95, peak = percentile(waits, 0.95), memory_of(process, "VmHWM")
    told = {
        "storm": f"{seconds:.1f} s, answers by status {dict(sorted(statuses.items()))}",
        "reader": f"{len(waits)} boards, p95 {p95:.3f} s, longest {max(waits):.3f} s",
        "memory": f"{memory / 1e6:.0f} MB before, {peak / 1e6:.0f} MB at most, "
        f"{memory_of(process) / 1e6:.0f} MB after",
        "rest": "not reached" if rest is None else f"after {rest:.1f} s, {files} files open",
    }
    for name, text in told.items():
        sys.stdout.write(f"{name}: {text}\n")
    return int(p95 > LONGEST_P95_SECONDS or peak > MOST_BYTES or rest is None)


@contextlib.contextmanager
def _reader(end: Path, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start the reader; it ends when the file `end` exists."""
    command = [sys.executable, "-m", __spec__.name, "--read", address, str(end)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            end.touch()


def _seconds_to_rest(process: subprocess.Popen[bytes], files: int) -> float | None:
    """Return how long it takes until no connection is open, None if it takes too long."""
    start = time.monotonic()
    while time.monotonic() < start + REST_SECONDS:
        if files_of(process) <= files:
            return time.monotonic() - start
        time.sleep(0.2)
    return None


if __name__ == "__main__":
    sys.exit(main())
