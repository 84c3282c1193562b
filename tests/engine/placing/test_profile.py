"""What keeps Python from the network where the system refuses a namespace of its own."""

import os
import subprocess
import sys

import pytest

from evalboard.engine.environment import import_path

PROGRAM = """
import socket, sys
from evalboard.engine.placing.profile import confine_engine
confine_engine([], [], has_left_network=False)
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
socket.getaddrinfo("localhost", 80)
socket.getaddrinfo(None, 80, flags=socket.AI_PASSIVE)
exec(sys.argv[1])
"""


@pytest.mark.parametrize(
    ("attempt", "refused"),
    [
        ("socket.create_connection(('192.0.2.1', 80), timeout=5)", "192.0.2.1"),
        ("socket.create_connection(('example.org', 80), timeout=5)", "look up 'example.org'"),
        ("socket.getaddrinfo(b'example.org', 80)", "look up 'example.org'"),
        (
            "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
            "192.0.2.1",
        ),
        ("socket.socket(socket.AF_INET6).connect(('2001:db8::1', 80))", "2001:db8::1"),
    ],
)
def test_python_reaches_its_own_machine_and_no_other(attempt: str, refused: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, attempt],
        env={**os.environ, "PYTHONPATH": import_path()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Refused: an engine may not" in ended.stderr
    assert refused in ended.stderr
