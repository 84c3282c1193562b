"""What a confined process can no longer do, tried out in one."""

import json
import subprocess
import sys

import pytest

ATTEMPTS = """
import ctypes, json, os, pickle, socket, subprocess, sys
from pathlib import Path
from evalboard.engine.inspection.confinement import ResourceLimits, confine, leave_network

folder, scratch, outside = map(Path, sys.argv[1:])
leave_network()
loopback = socket.socket()
has_landlock = ctypes.CDLL(None).syscall(444, None, 0, 1) > 0
confine(ResourceLimits(open_files=32, file_bytes=1000), readable=folder, writable=scratch)

evil = b"cposix\\nsystem\\n(S'true'\\ntR."
attempts = {
    "read inside": lambda: (folder / "config.json").read_text(),
    "write scratch": lambda: (scratch / "a").write_text("a"),
    "read outside": lambda: (outside / "secret").read_text(),
    "write inside": lambda: (folder / "new").write_text("a"),
    "write outside": lambda: (outside / "new").write_text("a"),
    "write much": lambda: (scratch / "b").write_bytes(bytes(2000)),
    "open many": lambda: [open(folder / "config.json") for _ in range(64)],
    "connect": lambda: loopback.connect(("127.0.0.1", 9)),
    "resolve": lambda: socket.getaddrinfo("localhost", 80),
    "start": lambda: subprocess.run(["true"]),
    "shell": lambda: os.system("true"),
    "fork": lambda: os.fork(),
    "unpickle": lambda: pickle.loads(evil),
    "take memory": lambda: bytearray(3 * 10**9),
}
ended = {}
for name, attempt in attempts.items():
    try:
        attempt()
        ended[name] = "done"
    except (OSError, MemoryError) as exc:
        ended[name] = type(exc).__name__
print(json.dumps({"landlock": has_landlock, **ended}))
"""
PLAIN = {"read inside": "done", "write scratch": "done"}
REFUSED = {"connect", "resolve", "start", "shell", "fork", "unpickle"}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How each attempt ended."""
    root = tmp_path_factory.mktemp("confined")
    folder, scratch, outside = (root / name for name in ("model", "scratch", "outside"))
    for place in (folder, scratch, outside):
        place.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (outside / "secret").write_text("token", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", ATTEMPTS, str(folder), str(scratch), str(outside)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_its_own_files_can_be_read_and_written(ended: dict[str, str]) -> None:
    assert ended.items() >= PLAIN.items()


@pytest.mark.parametrize("attempt", sorted(REFUSED))
def test_python_refuses(attempt: str, ended: dict[str, str]) -> None:
    assert ended[attempt] == "Refused"


def test_limits_hold(ended: dict[str, str]) -> None:
    assert ended["take memory"] == "MemoryError"
    assert ended["write much"] == "OSError"
    assert ended["open many"] == "OSError"


def test_other_files_are_hidden_where_the_kernel_can(ended: dict[str, str]) -> None:
    if not ended["landlock"]:
        pytest.skip("this kernel has no Landlock")
    for attempt in ("read outside", "write inside", "write outside"):
        assert ended[attempt] == "PermissionError"
