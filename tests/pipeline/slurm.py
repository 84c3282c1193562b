"""A Slurm of one node, as processes of a test: Debian's munge, slurmctld and slurmd."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.namespaces import AS_PROCESS_1

PACKAGES = "munge, slurm-client, slurmctld and slurmd"
PLACES = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 Gres=gpu:1
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
START_SECONDS = 120.0


@contextmanager
def slurm(folder: Path) -> Iterator[None]:
    """Serve a cluster whose one node is this machine, with a pretended GPU, or skip the test.

    In the context `SLURM_CONF` names it, so the commands of Slurm use it. The node is a namespace, in which
    no other Ray is seen, and its jobs end with it.
    """
    programs = [shutil.which(name, path=PLACES) for name in ("munged", "slurmctld", "slurmd")]
    munged, controller, node = programs
    if not (munged and controller and node) or os.getuid():
        pytest.skip(f"Slurm is not installed ({PACKAGES}), or this user is not root")
    configuration = _write(folder)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as running:
        patch.setenv("SLURM_CONF", str(configuration))
        files = {name: folder / f"munge.{name}" for name in ("socket", "pid", "log", "seed", "key")}
        places = [f"--{name}={files[name]}" for name in ("socket",)]
        places += [f"--{name}-file={files[name]}" for name in ("pid", "log", "seed", "key")]
        running.enter_context(_program([munged, "--foreground", "--force", *places], folder))
        running.enter_context(_program([controller, "-D"], folder))
        running.enter_context(_program([*AS_PROCESS_1, node, "-D"], folder))
        _wait_for_node()
        yield


def _write(folder: Path) -> Path:
    folder.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as other:
        ports = [each.getsockname()[1] for each in (one, other)]
    text = CONFIGURATION.format(
        host=socket.gethostname(),
        controller_port=ports[0],
        node_port=ports[1],
        user="root",
        folder=folder,
    )
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n", encoding="utf-8")
    configuration = folder / "slurm.conf"
    configuration.write_text(text, encoding="utf-8")
    return configuration


@contextmanager
def _program(command: Sequence[str], folder: Path) -> Iterator[None]:
    with (folder / "programs.out").open("ab") as output:
        program = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield
    finally:
        program.kill()
        program.wait()


def _wait_for_node() -> None:
    deadline = time.monotonic() + START_SECONDS
    while asked("sinfo", "--noheader", "--format=%T") != "idle":
        assert time.monotonic() < deadline, "Slurm's node is not there"
        time.sleep(0.2)


def asked(*command: str) -> str:
    """Return what a command of Slurm prints, without its white space; empty where it fails."""
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def job_state(job: str) -> str:
    """Return the state of a job that Slurm still knows, such as `RUNNING` or `COMPLETED`."""
    shown = asked("scontrol", "--oneliner", "show", "job", job)
    words = {word.partition("=")[0]: word.partition("=")[2] for word in shown.split()}
    return words.get("JobState", "")
