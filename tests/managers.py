"""A service manager, as `Type=notify` of systemd is one."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Manager:
    """A socket that hears what programs say of themselves.

    Attributes:
        environment: Variables of the programs.
    """

    def __init__(self, listener: socket.socket, address: str) -> None:
        self.environment = {"NOTIFY_SOCKET": address}
        self._listener = listener

    def heard(self) -> list[str]:
        """Return the messages since the last call."""
        messages: list[str] = []
        with suppress(BlockingIOError):
            while True:
                messages.append(self._listener.recv(4096, socket.MSG_DONTWAIT).decode())
        return messages


@contextmanager
def listening(folder: Path) -> Iterator[Manager]:
    """Listen in a folder."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        address = str(folder / "notify")
        listener.bind(address)
        yield Manager(listener, address)
