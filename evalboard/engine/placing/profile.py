"""What a confined engine may do: read its model and the libraries, compute, and nothing else.

The layers are those of the checks (`evalboard.engine.inspection.confinement`), with limits that a
real engine can live with: it maps weights into memory, drives devices, shares memory with its own
workers, starts the compilers of its kernels, and talks to its workers over its own loopback.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterable
from glob import glob
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.engine.environment import import_path
from evalboard.engine.inspection.confinement import (
    Refused,
    give_up_privileges,
    leave_network,
    library_places,
    restrict_files,
)
from evalboard.errors import EngineError
from evalboard.process_environment import child_environment
from evalboard.settings import Settings

_SYSTEM = ("/bin", "/sbin", "/sys", "/proc", "/opt/rocm*", "/usr/local/cuda*")
_SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/hosts",
    "/dev/urandom",
    "/dev/random",
)
_DEVICES = (
    "/dev/null",
    "/dev/zero",
    "/dev/shm",
    "/dev/nvidia*",
    "/dev/kfd",
    "/dev/dri",
    "/dev/infiniband",
)
_LOOPBACK = ("127.", "::1", "localhost")


class Layers(NamedTuple):
    """The layers of confinement that this system offers."""

    network: bool
    """Whether the process has a network namespace of its own."""
    files: bool
    """Whether Landlock hides all other files."""

    def __str__(self) -> str:
        missing = [
            text
            for text, stands in (
                ("a network namespace (user namespaces are refused)", self.network),
                ("Landlock (the kernel lacks it)", self.files),
            )
            if not stands
        ]
        return f"confined without {' and '.join(missing)}" if missing else "fully confined"


def find_layers(settings: Settings) -> Layers:
    """Return the layers that this system offers, as a process of its own finds them.

    Raises:
        EngineError: The process failed.
    """
    program = [sys.executable, "-P", "-m", __name__]
    variables = child_environment(settings, PYTHONPATH=import_path())
    said = subprocess.run(program, env=variables, capture_output=True, text=True, check=False)
    if said.returncode:
        raise EngineError(
            f"No process can be confined here (exit code {said.returncode}): "
            f"{said.stderr.strip().splitlines()[-1:]}. Reinstall with `make setup`."
        )
    return Layers(*json.loads(said.stdout))


def confine_engine(
    readable: Iterable[Path], writable: Iterable[Path], *, has_left_network: bool
) -> Layers:
    """Confine this process permanently, with every thread and process that it starts later.

    Args:
        readable: Files and folders that it can read besides the libraries: the view of its model,
            and the questions.
        writable: Its folders for temporary files and compiled kernels.
        has_left_network: Whether it has a network namespace of its own.
    """
    give_up_privileges()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    system = map(Path, (*_found(_SYSTEM), *_SYSTEM_FILES))
    files = restrict_files(
        [*library_places(), *system, *readable],
        [*map(Path, _found(_DEVICES)), *writable],
        tcp=True,
    )
    if not has_left_network:
        sys.addaudithook(_refuse_network)
    return Layers(has_left_network, files)


def _found(patterns: Iterable[str]) -> list[str]:
    return [place for pattern in patterns for place in glob(pattern)]


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse Python to reach another machine, where the system has no better layer."""
    if event in ("socket.connect", "socket.sendto"):
        address: Any = arguments[1]
        host = str(address[0]) if isinstance(address, tuple) and address else ""
        if host and not host.startswith(_LOOPBACK):
            raise Refused(f"an engine may not reach {host!r}")
    elif event == "socket.getaddrinfo":
        host = os.fsdecode(arguments[0] or "")  # none for an address of this machine
        if host and not host.startswith(_LOOPBACK):
            raise Refused(f"an engine may not look up {host!r}")


if __name__ == "__main__":
    print(json.dumps(confine_engine([], [], has_left_network=leave_network())))  # noqa: T201
