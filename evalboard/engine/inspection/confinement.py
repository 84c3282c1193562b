"""Remove rights and resources from a process before it reads hostile files.

All layers that the kernel offers are used, and if it refuses one, the others remain: a separate
network namespace, Landlock (files, no TCP), resource limits, and an audit hook that prevents Python
from connecting, starting programs and unpickling.
"""

import ctypes
import fcntl
import math
import os
import resource
import site
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.process_environment import library_folders

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_VERSION = 1
_PATH_BENEATH = 1
_READ = 0b1101
"""Execute (which mapping a library takes), read files, read folders."""
_ALL_OF_VERSION_1 = (1 << 13) - 1
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_ALL = (1 << 15) - 1
_ALL_OF_FILES = 0b111 | _TRUNCATE
"""What a rule for a single file can allow: execute, write, read, truncate."""
_TCP = 0b11
_SCOPES = 0b11
"""Abstract sockets and signals stay among processes that are confined together."""
_SYSTEM_PLACES = ("/usr", "/lib", "/lib64", "/sys/devices/system", "/proc/self")
_SYSTEM_FILES = ("/dev/null", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo", "/etc/ld.so.cache")
_REFUSED_EVENTS = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.kill",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "pickle.find_class",
        "pty.spawn",
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.sendto",
        "subprocess.Popen",
        "urllib.Request",
    }
)


class ResourceLimits(NamedTuple):
    """Limits for reading one part of a repository."""

    memory_bytes: int = 1_250_000_000
    """Address space in bytes in addition to that of the libraries."""
    cpu_seconds: int = 15
    wall_seconds: float = 60
    """Wall-clock seconds, more than the processor time: a busy machine is not the repository's
    fault.
    """
    file_bytes: int = 20_000_000
    """Size limit of written files in bytes."""
    open_files: int = 128


class Refused(PermissionError):
    """Raised inside the confined process on a forbidden action."""


def leave_network() -> bool:
    """Move this process into a network namespace with nothing but its own loopback.

    Call it before the process has a second thread.

    Returns:
        Whether the system allows it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        _keep_ids(uid, gid)
    elif libc.unshare(_CLONE_NEWNET) != 0:
        return False
    _raise_loopback()
    return True


def _keep_ids(uid: int, gid: int) -> None:
    """Let this process have the same user in its namespace as before."""
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with suppress(OSError):  # then it is nobody there, with the same rights outside
            Path("/proc/self", name).write_text(content, encoding="ascii")


def _raise_loopback() -> None:
    request = struct.pack("16sh22x", b"lo", _IFF_UP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket, suppress(OSError):
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


def confine(
    limits: ResourceLimits, *, readable: Path | None = None, writable: Path | None = None
) -> None:
    """Confine this process permanently.

    Args:
        limits: Limits from now on.
        readable: The only folder that it can read besides the installed libraries, if any.
        writable: The only folder that it can write to, if any.
    """
    give_up_privileges()
    own = [readable] if readable else []
    restrict_files(
        [*library_places(), *map(Path, _SYSTEM_FILES), *own], [writable] if writable else []
    )
    _set_limits(limits)
    sys.addaudithook(_refuse)


def give_up_privileges() -> None:
    """Let neither this process gain rights by starting a program, nor others read its memory."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def allow_seconds(seconds: int) -> None:
    """Give this process more processor time, up to its limit."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    until = math.ceil(usage.ru_utime + usage.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (min(soft, until), hard))


def _set_limits(limits: ResourceLimits) -> None:
    taken = _address_space()
    # At the first limit comes SIGXCPU, by which the reason is known; at the second SIGKILL.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    for kind, value in (
        (resource.RLIMIT_AS, taken + limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    """Return the size of this process's address space in bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _REFUSED_EVENTS:
        raise Refused(f"{event} is not allowed during the check of a repository")


def library_places() -> list[Path]:
    """Return the folders of Python, its packages and the system's libraries.

    Of any other folder in `sys.path`, such as a checkout with its history and its data, only the
    packages that have been imported are in the list.
    """
    installed = [
        Path(place)
        for place in (
            sys.prefix,
            sys.base_prefix,
            *site.getsitepackages(),
            site.getusersitepackages(),
            *_SYSTEM_PLACES,
            *library_folders(),
        )
    ]
    return [*installed, *_packages_outside(installed)]


def _packages_outside(installed: list[Path]) -> Iterator[Path]:
    """Yield the folders and files of imported top-level packages that are not installed."""
    for name, module in list(sys.modules.items()):
        if "." in name or name == "__main__":
            continue
        folders: Iterable[str] = getattr(module, "__path__", None) or ()
        file = None if folders else getattr(module, "__file__", None)
        for place in map(Path, (*folders, file) if file else folders):
            if place.is_absolute() and not any(place.is_relative_to(p) for p in installed):
                yield place


class _RulesetAttributes(ctypes.Structure):
    _fields_ = [
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    ]


def _ruleset_bytes(version: int) -> int:
    """Return the size of the attributes that a version of Landlock knows."""
    fields = 1 + (version > 3) + (version > 5)
    return fields * ctypes.sizeof(ctypes.c_uint64)


class _PathAttributes(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("access", ctypes.c_uint64), ("descriptor", ctypes.c_int32)]


def restrict_files(
    readable: Iterable[Path], writable: Iterable[Path], *, tcp: bool = False
) -> bool:
    """Hide all other files from this thread and its future children, permanently.

    Args:
        readable: Files and folders that can be read, and executed from.
        writable: Folders and devices that can be written to.
        tcp: Whether TCP stays allowed, as far as there is a network.

    Returns:
        Whether the kernel has Landlock and took the rules.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION)
    if version < 1:
        return False
    handled = _ALL_OF_VERSION_1 | (_REFER if version > 1 else 0) | (_TRUNCATE if version > 2 else 0)
    attributes = _RulesetAttributes(handled, 0 if tcp else _TCP, _SCOPES)
    size = _ruleset_bytes(version)
    ruleset = libc.syscall(_LANDLOCK_CREATE, ctypes.byref(attributes), size, 0)
    if ruleset < 0:
        return False
    for place in readable:
        _allow(libc, ruleset, place, _READ)
    for place in writable:
        _allow(libc, ruleset, place, handled)
    restricted = libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0
    os.close(ruleset)
    return restricted


def _allow(libc: ctypes.CDLL, ruleset: int, place: Path, access: int) -> None:
    if not place.exists():
        return
    access &= _ALL if place.is_dir() else _ALL_OF_FILES
    descriptor = os.open(place, os.O_PATH)
    attributes = _PathAttributes(access, descriptor)
    libc.syscall(_LANDLOCK_ADD, ruleset, _PATH_BENEATH, ctypes.byref(attributes), 0)
    os.close(descriptor)
