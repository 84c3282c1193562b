"""Machines, told apart by their names and by the starts of their kernels.

Containers have names of their own, and share the boot id of their kernel.
"""

import socket
from pathlib import Path
from typing import NamedTuple

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Machine(NamedTuple):
    """A machine from one start to the next."""

    host: str
    boot: str = ""
    """Id of the kernel's start, empty if the system has none."""

    def has_kernel_of(self, other: "Machine") -> bool:
        """Return whether both are the same kernel since the same start, under whatever name."""
        return self.boot == other.boot and (self.boot != "" or self.host == other.host)

    def is_earlier(self, other: "Machine") -> bool:
        """Return whether another machine of this name has been started since."""
        return self.host == other.host and bool(self.boot) and self.boot != other.boot

    def shows_locks_to(self, other: "Machine") -> bool:
        """Return whether the locks of this one can be believed by a process of the other.

        Those of the same kernel are seen, and a reboot has dropped those from before.
        """
        return self.has_kernel_of(other) or self.is_earlier(other)


def this_machine() -> Machine:
    """Return the machine of the calling process."""
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return Machine(socket.gethostname(), boot)
