"""Ports for programs that are started by a test."""

import random
import socket
from contextlib import suppress


def free_ports(count: int) -> list[int]:
    """Return ports that nobody is given who asks for just any."""
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 1000):
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("1000 ports are taken")
