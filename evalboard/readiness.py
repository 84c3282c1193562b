"""Tell the service manager that this program is ready: `sd_notify` of systemd's `Type=notify`."""

import socket

from evalboard.process_environment import NOTIFY_SOCKET, public_environment

READY = b"READY=1"


def tell_ready() -> None:
    """Say that this program does its work from now on, if a service manager waits for that."""
    address = public_environment((NOTIFY_SOCKET,)).get(NOTIFY_SOCKET)
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        # An @ stands for the first byte of a name that is no file.
        manager.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        manager.send(READY)
