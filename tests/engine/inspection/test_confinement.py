"""What a confined process can no longer do, tried out in one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import evalboard

ATTEMPTS = """
import ctypes, importlib, json, os, pickle, signal, socket, subprocess, sys
from pathlib import Path
from evalboard.engine.inspection.confinement import ResourceLimits, confine, leave_network

folder, scratch, outside, checkout = map(Path, sys.argv[1:])
leave_network()
loopback = socket.socket()
libc = ctypes.CDLL(None, use_errno=True)
landlock = libc.syscall(444, None, 0, 1)
def signal_parent():
    # What native code does: no audit hook of Python sees it.
    if libc.kill(os.getppid(), signal.SIGCONT):
        raise OSError(ctypes.get_errno(), "kill")

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
    "read history": lambda: (checkout / ".git" / "HEAD").read_text(),
    "read data": lambda: (checkout / "evalboard-data" / "prefect.db").read_text(),
    "list checkout": lambda: os.listdir(checkout),
    "import package": lambda: importlib.import_module("evalboard.wording"),
    "import beside": lambda: importlib.import_module("beside"),
    "import installed": lambda: importlib.import_module("yaml"),
    "signal parent": signal_parent,
    "take memory": lambda: bytearray(3 * 10**9),
}
ended = {}
for name, attempt in attempts.items():
    try:
        attempt()
        ended[name] = "done"
    except (OSError, MemoryError, ImportError) as exc:
        ended[name] = type(exc).__name__
print(json.dumps({"landlock": landlock, **ended}))
"""
PLAIN = ("read inside", "write scratch", "import package", "import installed")
REFUSED = {"connect", "resolve", "start", "shell", "fork", "unpickle"}


def write_checkout(folder: Path) -> None:
    """Copy the package into a folder as a clone has it: with its history and its data."""
    shutil.copytree(Path(evalboard.__file__).parent, folder / "evalboard")
    for path in (".git/HEAD", "evalboard-data/prefect.db", "beside.py"):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text("", encoding="utf-8")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How each attempt ended."""
    root = tmp_path_factory.mktemp("confined")
    places = [root / name for name in ("model", "scratch", "outside", "checkout")]
    folder, _, outside, checkout = places
    for place in places:
        place.mkdir()
    write_checkout(checkout)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (outside / "secret").write_text("token", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-c", ATTEMPTS, *map(str, places)],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_its_own_files_can_be_read_and_written(ended: dict[str, str]) -> None:
    assert {attempt: ended[attempt] for attempt in PLAIN} == dict.fromkeys(PLAIN, "done")


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
    for attempt in ("read outside", "write inside", "write outside", "read history", "read data"):
        assert ended[attempt] == "PermissionError"


def test_of_a_checkout_only_the_package_is_seen(ended: dict[str, str]) -> None:
    if not ended["landlock"]:
        pytest.skip("this kernel has no Landlock")
    assert ended["list checkout"] == "PermissionError"
    assert ended["import beside"] in ("ModuleNotFoundError", "PermissionError")


def test_no_signal_reaches_a_process_outside_where_the_kernel_can(ended: dict[str, str]) -> None:
    if int(ended["landlock"]) < 6:
        pytest.skip("Landlock of this kernel has no scopes")
    assert ended["signal parent"] == "PermissionError"
