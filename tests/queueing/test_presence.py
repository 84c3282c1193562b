"""Marks of runs, seen from processes of their own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evalboard.machine import Machine, this_machine
from evalboard.process_environment import child_environment
from evalboard.queueing import presence
from evalboard.settings import Settings
from tests.namespaces import in_own_namespace, kill_namespace

HOLDING = """
import sys
from evalboard.queueing.presence import marked
from evalboard.settings import load_settings

with marked("run-1", load_settings()):
    print("marked", flush=True)
    sys.stdin.read()
"""
Hold = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def hold(settings: Settings) -> Iterator[Hold]:
    """Return a function that starts a process which holds the mark of `run-1`."""
    started: list[subprocess.Popen[str]] = []

    def start(*prefix: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-c", HOLDING],
            env=child_environment(settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "marked\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def files(settings: Settings) -> list[Path]:
    return list((settings.work_folder / "runs").iterdir())


def test_a_mark_is_there_until_its_run_ends(settings: Settings) -> None:
    assert presence.is_alive("run-1", settings) is None
    with presence.marked("run-1", settings):
        assert presence.is_alive("run-1", settings)
        assert presence.dead_runs(settings) == []
    assert presence.is_alive("run-1", settings) is None
    assert files(settings) == []


def test_a_killed_process_leaves_its_mark_until_it_is_forgotten(
    settings: Settings, hold: Hold
) -> None:
    process = hold()
    assert presence.is_alive("run-1", settings)
    process.kill()
    process.wait()
    assert presence.is_alive("run-1", settings) is False
    assert presence.dead_runs(settings) == ["run-1"]
    presence.forget("run-1", settings)
    assert presence.dead_runs(settings) == files(settings) == []


def test_the_end_of_another_namespace_is_seen(settings: Settings, hold: Hold) -> None:
    process = hold(*in_own_namespace())
    assert presence.is_alive("run-1", settings)
    kill_namespace(process.pid)
    process.wait()
    assert presence.is_alive("run-1", settings) is False


def test_a_run_that_is_started_again_takes_the_mark_over(settings: Settings, hold: Hold) -> None:
    former = hold()
    with presence.marked("run-1", settings):
        former.communicate("")  # ends, and leaves what is not its own
        assert presence.is_alive("run-1", settings)


@pytest.mark.parametrize(
    ("machine", "is_gone"),
    [
        (Machine("elsewhere", "other"), False),
        (Machine(this_machine().host, "other"), True),
        (Machine("elsewhere", this_machine().boot), True),
    ],
)
def test_of_another_machine_only_an_earlier_start_is_known(
    settings: Settings, hold: Hold, machine: Machine, is_gone: bool
) -> None:
    process = hold()
    process.kill()
    process.wait()
    mark = settings.work_folder / "runs" / "run-1"
    here = this_machine()
    mark.write_text(
        mark.read_text().replace(here.host, machine.host).replace(here.boot, machine.boot)
    )
    assert (presence.dead_runs(settings) == ["run-1"]) is is_gone


def test_a_name_that_is_no_file_has_no_mark(settings: Settings) -> None:
    with presence.marked("../../outside", settings):
        assert presence.is_alive("../../outside", settings) is None
    assert not (settings.work_folder / "runs").exists()


def test_a_run_continues_where_no_mark_can_be_made(settings: Settings) -> None:
    settings.work_folder.mkdir(parents=True)
    (settings.work_folder / "runs").touch()
    with presence.marked("run-1", settings):
        assert presence.is_alive("run-1", settings) is None
