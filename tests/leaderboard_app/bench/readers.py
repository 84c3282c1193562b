"""Many readers at once: how long each waits for the data answer."""

import asyncio
import json
import math
import sys
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

ROUNDS = 20
PATH = "/data/board.json"


async def ask_together(address: str, readers: int, *, etag: str | None = None) -> list[float]:
    """Let all readers ask at the same moment, several times over; return every wait in seconds.

    Args:
        address: Where the viewer is.
        readers: How many there are, each with a connection of its own, kept open.
        etag: Of the board that they have; without it each gets the whole board.
    """
    target = urlsplit(address)
    connections = [
        await asyncio.open_connection(target.hostname, target.port, limit=2**22)
        for _ in range(readers)
    ]
    known = f"If-None-Match: {etag}\r\n" if etag else ""
    request = f"GET {PATH} HTTP/1.1\r\nHost: {target.netloc}\r\nAccept-Encoding: br\r\n{known}\r\n"
    waits: list[float] = []
    for _ in range(ROUNDS):
        waits += await asyncio.gather(*(_ask(*each, request.encode()) for each in connections))
        await asyncio.sleep(0.1)
    for _reader, writer in connections:
        writer.close()
    return waits


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> float:
    start = time.perf_counter()
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    lengths = [line.partition(":")[2] for line in head if line.startswith("content-length:")]
    if " 200" in head[0]:
        await reader.readexactly(int(lengths[0]))
    return time.perf_counter() - start


def percentile(waits: Sequence[float], share: float) -> float:
    """Return the smallest wait that so large a share of all does not exceed."""
    return sorted(waits)[math.ceil(share * len(waits)) - 1]


def measure(address: str, readers: int, etag: str) -> dict[str, Any]:
    """Return the 95th percentile of the waits for a whole board, and for an unchanged one."""
    whole = asyncio.run(ask_together(address, readers))
    unchanged = asyncio.run(ask_together(address, readers, etag=etag))
    return {"whole p95": percentile(whole, 0.95), "unchanged p95": percentile(unchanged, 0.95)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
