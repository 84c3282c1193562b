import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from evalboard.machine import this_machine
from evalboard.process_environment import child_environment
from evalboard.queueing import presence
from evalboard.queueing.claims import Process, claim_of, lives, server_name, this_process
from evalboard.records.request import Claim
from evalboard.settings import Settings


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is killed."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def claim_by(pid: int) -> Claim:
    started = psutil.Process(pid).create_time()
    return claim_of("run-1", Process(this_machine(), pid, started))


def test_this_process_is_alive(settings: Settings) -> None:
    claim = claim_of("run-1", this_process())
    assert (claim.run_id, claim.host, claim.pid) == ("run-1", socket.gethostname(), os.getpid())
    assert lives(claim, settings)


def test_a_child_is_alive_until_it_is_killed(
    child: subprocess.Popen[bytes], settings: Settings
) -> None:
    claim = claim_by(child.pid)
    assert lives(claim, settings)
    child.kill()
    # Dead, but still in the process table until its parent asks: a zombie.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert lives(claim, settings) is False
    child.wait()
    assert lives(claim, settings) is False


def test_a_stopped_child_is_alive(child: subprocess.Popen[bytes], settings: Settings) -> None:
    claim = claim_by(child.pid)
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert lives(claim, settings)


def test_a_number_that_was_given_out_again_is_dead(settings: Settings) -> None:
    mine = this_process()
    claim = claim_of("run-1", mine._replace(started=mine.started - 3600))
    assert lives(claim, settings) is False


def test_a_clock_that_was_set_meanwhile_ends_no_run(settings: Settings) -> None:
    """Linux reckons the start of a process from the clock."""
    mine = this_process()
    claim = claim_of("run-1", mine._replace(started=mine.started + 5))
    assert lives(claim, settings) is True


ELSEWHERE = {"host": "another-machine", "boot": "another-boot"}
OTHER_NAMESPACE = {"pid_namespace": -1}
REBOOTED = {"boot": "an-earlier-boot"}


@pytest.mark.parametrize("changes", [ELSEWHERE, OTHER_NAMESPACE, REBOOTED])
def test_nothing_is_said_of_a_process_that_cannot_be_seen(
    child: subprocess.Popen[bytes], settings: Settings, changes: dict[str, Any]
) -> None:
    """It may live on a machine, or in a container, of the same name with another work folder."""
    claim = claim_by(child.pid).model_copy(update=changes)
    assert lives(claim, settings) is None
    child.kill()
    child.wait()
    assert lives(claim, settings) is None


@pytest.mark.parametrize("changes", [ELSEWHERE, OTHER_NAMESPACE, REBOOTED])
def test_a_process_that_holds_its_mark_is_alive_wherever_it_is(
    settings: Settings, changes: dict[str, Any]
) -> None:
    claim = claim_of("run-1", this_process()).model_copy(update=changes)
    with presence.marked("run-1", settings):
        assert lives(claim, settings)


@pytest.fixture
def left_mark(settings: Settings) -> None:
    """Leave the mark of `run-1`, as a process does that is killed."""
    program = (
        "import os, signal, sys; from evalboard.settings import load_settings\n"
        "from evalboard.queueing.presence import marked\n"
        "with marked('run-1', load_settings()): os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", program], env=child_environment(settings))
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.usefixtures("left_mark")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (OTHER_NAMESPACE, False),
        (OTHER_NAMESPACE | {"host": "a-container-that-was-made-again"}, False),
        (REBOOTED, False),
        (ELSEWHERE, None),
    ],
)
def test_a_mark_that_nobody_holds_is_of_a_dead_process_of_this_machine(
    settings: Settings, changes: dict[str, Any], expected: bool | None
) -> None:
    claim = claim_of("run-1", this_process()).model_copy(update=changes)
    assert lives(claim, settings) is expected


@pytest.mark.usefixtures("left_mark")
def test_a_process_that_can_be_seen_lives_without_its_lock(
    child: subprocess.Popen[bytes], settings: Settings
) -> None:
    """A network disk can lose locks."""
    assert lives(claim_by(child.pid), settings)


@pytest.mark.parametrize("missing", ["pid", "started"])
def test_nothing_is_said_about_a_claim_without_a_process(missing: str, settings: Settings) -> None:
    mine = this_process()
    claim = claim_of("run-1", mine._replace(started=mine.started - 3600))
    assert lives(claim.model_copy(update={missing: None}), settings) is None


def test_a_claim_survives_its_file() -> None:
    claim = claim_of("run-1", this_process(), server="http://127.0.0.1:4200/api")
    assert Claim.model_validate_json(claim.model_dump_json()) == claim


@pytest.mark.parametrize(
    ("url", "is_shared"),
    [
        (None, False),
        ("http://127.0.0.1:4200/api", False),
        ("http://localhost:4200/api", False),
        ("https://prefect.example.org/api", True),
    ],
)
def test_machines_share_a_server_only_if_both_reach_it(
    url: str | None, is_shared: bool, tmp_path: Path
) -> None:
    """Otherwise each machine would take the other's runs for runs that its own server has lost."""
    one, two = (
        server_name(Settings.model_validate({"home": tmp_path / home, "prefect_api_url": url}))
        for home in ("one", "two")
    )
    assert (one == two) is is_shared
    assert one == server_name(
        Settings.model_validate({"home": tmp_path / "one", "prefect_api_url": url})
    )
