"""The server's connections: how many there are, and how long one may do nothing.

uvicorn closes a connection that is idle after an answer. A connection that never sends a whole
request, or never reads its answer, it keeps for ever.
"""

import asyncio
import contextlib
import resource
import socket
import time
from collections import Counter
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from evalboard.readiness import tell_ready
from evalboard.settings import Settings
from leaderboard_app.addresses import Proxies, group_of
from leaderboard_app.bodies import MAX_BYTES

REQUEST_SECONDS = 10.0
"""For the head of a request; its body has a time limit of its own."""
READ_SECONDS = 30.0
"""For a reader to take more of an answer."""
CLOSE_SECONDS = 30.0
"""For the reader of a closed connection to take what was sent last."""
HEAD_BYTES = 32 * 1024
REQUEST_BYTES = HEAD_BYTES + 2 * MAX_BYTES
"""For a head, and a body with whatever is around its pieces."""
READ_BYTES = 16 * 1024
"""So much of a connection is read before others have their turn."""
SMALLEST_LINE = 16
"""Mean length of the lines of a long body. Reading a body in pieces of one byte takes a hundred times
as long as sending it.
"""
TOLERANCE = 1.25
SHUTDOWN_SECONDS = 2
"""Open pages hold connections; Ctrl-C does not wait for them."""
LOOKS_EVERY = 5
"""Calls of `on_tick` between two looks at all connections; there are ten in a second."""


class Connections:
    """All open connections of a server, with their limits.

    Args:
        most: Limit of all.
        each: Limit of one address.
        proxies: Addresses that stand for many readers and have no limit of their own.
    """

    def __init__(self, most: int, each: int, proxies: Proxies) -> None:
        self._most = most
        self._each = each
        self._proxies = proxies
        # In the order of their opening.
        self._open: dict[LimitedProtocol, str] = {}
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, new: "LimitedProtocol", address: str) -> None:
        """Count a connection. Without a place for it, the oldest one that keeps us waiting ends."""
        group = group_of(address)
        self._open[new] = group
        self._by_address[group] += 1
        if address not in self._proxies and self._by_address[group] > self._each:
            self._make_place(
                new, [c for c, other in self._open.items() if other == group], self._each
            )
        elif len(self._open) > self._most:
            self._make_place(new, list(self._open), self._most)

    def closed(self, connection: "LimitedProtocol") -> None:
        """Count a connection no more."""
        group = self._open.pop(connection, None)
        if group is None:
            return
        self._by_address[group] -= 1
        if not self._by_address[group]:
            del self._by_address[group]

    def end_overdue(self, now: float) -> None:
        """End the connections whose time is over."""
        for connection in [c for c in self._open if c.is_overdue(now)]:
            self._end(connection)

    def _make_place(
        self, new: "LimitedProtocol", able: list["LimitedProtocol"], limit: int
    ) -> None:
        """End the oldest of some connections that keeps us waiting.

        If none does, they are being answered, and the new one may stay up to a tolerance.
        """
        waiting = (c for c in able if c is not new and c.keeps_us_waiting())
        oldest = next(waiting, new if len(able) > TOLERANCE * limit else None)
        if oldest is not None:
            self._end(oldest)

    def _end(self, connection: "LimitedProtocol") -> None:
        self.closed(connection)
        connection.transport.abort()


class LimitedProtocol(H11Protocol):
    """uvicorn's protocol with time limits. It limits the size of a request's head itself."""

    def __init__(self, *arguments: Any, limits: Connections, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self._since = time.monotonic()
        self._taken = 0
        self._stalled_since: float | None = None
        self._closing_since: float | None = None

    def has_request(self) -> bool:
        """Return whether the head of a request has come that is not answered yet."""
        return self.cycle is not None and not self.cycle.response_complete

    def keeps_us_waiting(self) -> bool:
        """Return whether the other side must send the rest of a request, or take an answer."""
        return not self.has_request() or self.cycle.more_body or self._stalled_since is not None

    def is_overdue(self, now: float) -> bool:
        """Return whether nothing more is to be expected."""
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            return now - self._closing_since > CLOSE_SECONDS
        if self._stalled_since is not None:
            return now - self._stalled_since > READ_SECONDS
        return not self.has_request() and now - self._since > REQUEST_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection. It sends at once: an answer's body would wait 40 ms for the word that its head has come."""
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.max_size = READ_BYTES  # pyright: ignore[reportAttributeAccessIssue]
        self._limits.opened(self, self.client[0] if self.client else "")

    def connection_lost(self, exc: Exception | None) -> None:
        """Let a connection go."""
        self._limits.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request, and end a connection that sends too much or too small parts."""
        is_body = self.has_request()
        self._taken = self._taken + len(data) if is_body else len(data)
        is_tiny = is_body and data.count(b"\r\n") * SMALLEST_LINE > len(data)
        if self._taken > REQUEST_BYTES or (is_tiny and self._taken > READ_BYTES):
            self.transport.abort()
            return
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._since = time.monotonic()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Note that the reader does not take its answer."""
        self._stalled_since = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the reader takes its answer again."""
        self._stalled_since = None
        super().resume_writing()


class LimitedServer(uvicorn.Server):
    """uvicorn's server with limits of its connections."""

    def __init__(self, app: Any, connections: Connections) -> None:
        def connect(*arguments: Any, **options: Any) -> LimitedProtocol:
            return LimitedProtocol(*arguments, limits=connections, **options)

        config = uvicorn.Config(
            app,
            http=connect,  # pyright: ignore[reportArgumentType]
            ws="none",
            loop="asyncio",  # uvloop reads more at once, and a viewer without it should be the same
            proxy_headers=False,
            log_level="warning",
            server_header=False,
            h11_max_incomplete_event_size=HEAD_BYTES,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        super().__init__(config)
        self._connections = connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell the service manager."""
        await super().startup(sockets)
        if self.started:
            tell_ready()

    async def on_tick(self, counter: int) -> bool:
        """Look at all connections now and then."""
        if counter % LOOKS_EVERY == 0:
            self._connections.end_overdue(time.monotonic())
        return await super().on_tick(counter)


def make_server(app: Any, settings: Settings) -> LimitedServer:
    """Return the server of an application."""
    most = min(settings.viewer_connections, _raise_file_limit(4 * settings.viewer_connections) // 2)
    proxies = Proxies(settings.trusted_proxies)
    connections = Connections(most, settings.viewer_connections_per_address, proxies)
    return LimitedServer(app, connections)


def _raise_file_limit(wanted: int) -> int:
    """Return how many files the process may open: as many as wanted, or as it is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if soft == resource.RLIM_INFINITY else soft
