"""Processes in a namespace of process ids and a host name of their own, as in a container."""

import subprocess

import psutil
import pytest


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


def kill_namespace(unshare: int) -> None:
    """Kill process 1 of a namespace, and the kernel kills all others in it.

    Args:
        unshare: Id of the process that `in_own_namespace` has started.
    """
    (first,) = psutil.Process(unshare).children()
    first.kill()
