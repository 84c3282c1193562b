import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from evalboard.queueing.claims import Process, claim_of, is_alive, is_dead, this_process
from evalboard.records.request import Claim


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is killed."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def claim_by(pid: int) -> Claim:
    started = psutil.Process(pid).create_time()
    return claim_of("run-1", Process(socket.gethostname(), pid, started))


def test_this_process_is_alive() -> None:
    claim = claim_of("run-1", this_process())
    assert (claim.run_id, claim.host, claim.pid) == ("run-1", socket.gethostname(), os.getpid())
    assert not is_dead(claim)
    assert is_alive(claim)


def test_a_child_is_alive_until_it_is_killed(child: subprocess.Popen[bytes]) -> None:
    claim = claim_by(child.pid)
    assert not is_dead(claim)
    child.kill()
    # Dead, but still in the process table until its parent asks: a zombie.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert is_dead(claim)
    child.wait()
    assert is_dead(claim)
    assert not is_alive(claim)


def test_a_stopped_child_is_alive(child: subprocess.Popen[bytes]) -> None:
    claim = claim_by(child.pid)
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert not is_dead(claim)


def test_a_number_that_was_given_out_again_is_dead() -> None:
    mine = this_process()
    assert is_dead(claim_of("run-1", mine._replace(started=mine.started - 60)))


def test_nothing_is_said_about_another_machine(child: subprocess.Popen[bytes]) -> None:
    claim = claim_by(child.pid).model_copy(update={"host": "another-machine"})
    child.kill()
    child.wait()
    assert not is_dead(claim)
    assert not is_alive(claim)


def test_nothing_is_said_about_a_container_that_shares_this_machines_name(
    child: subprocess.Popen[bytes],
) -> None:
    claim = claim_by(child.pid).model_copy(update={"pid_namespace": -1})
    assert not is_alive(claim)
    child.kill()
    child.wait()
    assert not is_dead(claim)


@pytest.mark.parametrize("missing", ["pid", "started"])
def test_nothing_is_said_about_a_claim_without_a_process(missing: str) -> None:
    mine = this_process()
    claim = claim_of("run-1", mine._replace(started=mine.started - 60))
    assert not is_dead(claim.model_copy(update={missing: None}))


def test_a_claim_survives_its_file() -> None:
    claim = claim_of("run-1", this_process(), server="http://127.0.0.1:4200/api")
    assert Claim.model_validate_json(claim.model_dump_json()) == claim
