"""A small Hub: the real protocol over a socket, for the real client.

A fake for the public Hub, which tests may not ask. It speaks what `huggingface_hub` calls for
repositories, trees, downloads, commits with compare-and-set, large files and Spaces; `faults` makes
it slow, busy, broken and forgetful. Run in a thread of the test (`running_hub`); other processes
use its `address`.
"""

import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.hub.answers import Call, route
from tests.hub.faults import Fault, Faults
from tests.hub.repository import HubRepo

JSON = {"Content-Type": "application/json"}
HFD = {"finds_paths": False, "has_codes": False, "stale_status": 500}
"""A hub in Go on real git, of 2026."""
KOHAKUHUB = {"compares": False, "describes": False}
"""A hub in Python on LakeFS, of 2026."""


class Token(NamedTuple):
    """Who a token belongs to and what it may do."""

    name: str
    orgs: tuple[str, ...] = ()
    write: bool = True


class Quota(NamedTuple):
    """So many calls of a kind in each window."""

    calls: int
    window_seconds: float


class Space:
    """A Space: how often it was restarted, and the stages it reports, the last one for ever."""

    def __init__(self) -> None:
        self.restarts = 0
        self.stages = ["RUNNING"]


class SmallHub(ThreadingHTTPServer):
    """Repositories, tokens, and counts of what was called.

    `tokens` maps a token to its owner; `calls` counts by kind of route (see `ROUTES`), `answers` by
    kind and status. Files whose names end in one of `large` go the way of large files. One that
    redirects sends readers of large files on to another address, as the public Hub does.
    `bytes_sent` counts the bytes of all answers.

    Other programs answer some of its calls in other ways: `behave_as` one of them. One that does
    not compare ignores the parent of a commit; one that does not describe keeps no descriptions of
    commits; one that does not find paths has listings only; one without codes does not say what it
    is that is missing. None of them has Xet.
    """

    request_queue_size = 256
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults = Faults()
        self.tokens = {"secret": Token("board", ("org",))}
        self.repos: dict[tuple[str, str], HubRepo] = {}
        self.spaces: dict[str, Space] = {}
        self.calls: Counter[str] = Counter()
        self.answers: Counter[tuple[str, int]] = Counter()
        self.quotas: dict[str, Quota] = {}
        self.large = (".parquet",)
        self.compares = True
        self.describes = True
        self.finds_paths = True
        self.has_codes = True
        self.stale_status = 412
        self.redirects = False
        self.bytes_sent = 0
        self.objects: dict[str, bytes] = {}
        self._recent: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """Endpoint for the client."""
        return f"http://127.0.0.1:{self.server_port}"

    def behave_as(self, program: Mapping[str, Any]) -> None:
        """Answer as another program does; see `HFD` and `KOHAKUHUB`."""
        for name, value in program.items():
            setattr(self, name, value)

    def create(self, name: str, *, kind: str = "datasets", private: bool = True) -> HubRepo:
        """Make a repository with its first commit."""
        with self._lock:
            return self.repos.setdefault((kind, name), HubRepo(kind, name, private=private))

    def repo(self, name: str, kind: str = "datasets") -> HubRepo:
        """Return a repository that must be there."""
        return self.repos[kind, name]

    def count(self, kind: str) -> tuple[bool, dict[str, str]]:
        """Note a call; return whether its quota allows it, and what the answer says of the quota."""
        with self._lock:
            self.calls[kind] += 1
            if kind not in self.quotas:
                return True, {}
            now, quota = time.monotonic(), self.quotas[kind]
            recent = self._recent.setdefault(kind, deque())
            while recent and recent[0] < now - quota.window_seconds:
                recent.popleft()
            allowed = len(recent) < quota.calls
            if allowed:
                recent.append(now)
            reset = int(recent[0] + quota.window_seconds - now) + 1
            left = quota.calls - len(recent)
            return allowed, {"ratelimit": f'"api";r={left};t={reset}'}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hung up; show everything else."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


@contextmanager
def running_hub() -> Iterator[SmallHub]:
    """Serve a new Hub from a thread of this process."""
    with SmallHub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body in one packet
    timeout = 60

    @property
    def hub(self) -> SmallHub:
        assert isinstance(self.server, SmallHub)
        return self.server

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        self.kind, found = route(self.command, url.path)
        allowed, self.quota = self.hub.count(self.kind)
        fault = self.hub.faults.of(self.kind) or Fault()
        time.sleep(fault.delay)
        self.hub.faults.step_in(self.kind)
        fails = fault.drop or fault.status is not None
        if fault.late and self.kind != "commit":
            fails = False
        call = Call(self.hub, url, found, self.headers, body)
        if not allowed:
            self._send(429, b'{"error": "rate limit"}', {})
        elif not fails:
            self._send(*call.answer(self.kind, fault))
        else:
            if fault.late:
                call.answer(self.kind, fault)
            self._fail(fault)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _fail(self, fault: Fault) -> None:
        if fault.status is None:
            self.close_connection = True
            self.hub.answers[self.kind, 0] += 1
        else:
            self._send(fault.status, b'{"error": "told to fail"}', dict(fault.headers))

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.hub.answers[self.kind, status] += 1
        self.send_response(status)
        for name, value in {**JSON, **self.quota, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.hub.bytes_sent += len(body)
            self.wfile.write(body)
