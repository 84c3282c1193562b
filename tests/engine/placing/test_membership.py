"""A program notices that it no longer belongs to its Ray cluster."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.namespaces import in_own_namespace, kill_namespace
from tests.ports import free_ports

RAY = f"{Path(sys.executable).parent}/ray"
JOIN = f"""
until {RAY} start --address="$RAY_ADDRESS" --num-cpus=0 --num-gpus=0 >/dev/null; do sleep 1; done
exec {sys.executable} -m tests.engine.placing.member
"""


@pytest.fixture
def start_head(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Return a function that starts a head, always at the address in the environment."""
    (port,) = free_ports(1)
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    command = [RAY, "start", "--head", "--block", f"--port={port}", "--include-dashboard=false"]
    heads: list[subprocess.Popen[bytes]] = []

    def start_one() -> subprocess.Popen[bytes]:
        heads.append(start(command, stdout=subprocess.DEVNULL))
        return heads[-1]

    yield start_one
    for head in heads:
        if head.poll() is None:
            kill_namespace(head.pid)
        head.wait()


def start(command: list[str], *, stdout: int) -> subprocess.Popen[bytes]:
    program = [*in_own_namespace(), *command]
    return subprocess.Popen(program, stdout=stdout, stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_program_ends_when_another_head_takes_the_place_of_its_own(
    start_head: Callable[[], subprocess.Popen[bytes]],
) -> None:
    head = start_head()
    with start(["bash", "-euc", JOIN], stdout=subprocess.PIPE) as member:
        assert member.stdout
        try:
            assert member.stdout.readline() == b"member\n"
            kill_namespace(head.pid)
            start_head()
            member.wait(timeout=300)
        finally:
            if member.poll() is None:
                kill_namespace(member.pid)
