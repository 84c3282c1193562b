"""Processes in a namespace of process ids and a host name of their own, as in a container."""

import subprocess
from pathlib import Path

import psutil
import pytest

AS_PROCESS_1 = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
"""Beginning of a command of root, which is process 1 of a namespace. If that is killed, all in it are."""


def in_own_namespace(host: str = "") -> list[str]:
    """Return the beginning of a command that runs in a namespace of its own, or skip the test.

    Args:
        host: Its name of this machine, empty for the real one.
    """
    namespace = ["unshare", "--user", "--map-root-user", "--uts", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*namespace, "true"], capture_output=True).returncode:
        pytest.skip("this machine allows no namespaces")
    named = ["sh", "-c", 'hostname "$0" && exec "$@"', host] if host else []
    return [*namespace, *named]


def read_only_but(folder: Path) -> list[str]:
    """Return the beginning of a command that can write to one folder only, or skip the test.

    Args:
        folder: An empty folder. What is written there is in memory.
    """
    namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-euc"]
    mounts = 'mount -t tmpfs tmpfs "$0" && mount -o remount,bind,ro /'
    check = f'{mounts}; touch "$0/file"; ! touch "$0/../file" 2>/dev/null'
    if subprocess.run([*namespace, check, str(folder)], capture_output=True).returncode:
        pytest.skip("this machine allows no namespaces")
    return [*namespace, f'{mounts} && exec "$@"', str(folder)]


def kill_namespace(unshare: int) -> None:
    """Kill process 1 of a namespace, and the kernel kills all others in it.

    Args:
        unshare: Id of the process that `in_own_namespace` has started.
    """
    (first,) = psutil.Process(unshare).children()
    first.kill()
