"""What strangers send to the viewer, over real connections."""

import contextlib
import json
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio
import httpx
import pytest

from evalboard.settings import Settings
from leaderboard_app import bodies, submissions
from leaderboard_app.bodies import MAX_BYTES
from tests.leaderboard_app.serving import build_app, serving

EVIL = "evil.example"
PAGES = ("/", "/compare", "/analysis", "/queue", "/submit", "/about", "/model")
POSTED = ("/api/check", "/api/submissions", "/gradio_api/run/load")
JSON = {"content-type": "application/json"}


def pieces(count: int) -> Iterator[bytes]:
    yield b'{"model": ["'
    for _ in range(count):
        yield b"[]," * 20_000


@pytest.mark.parametrize("path", POSTED)
def test_a_large_body_is_refused_and_not_repeated(http: httpx.Client, path: str) -> None:
    for body in (b'{"model":[' + b"[]," * 30_000 + b"[]]}", b'{"model":"' + b"a" * 70_000 + b'"}'):
        answer = http.post(path, content=body, headers=JSON)
        assert answer.status_code == 413
        assert len(answer.content) < 200
    # Without Content-Length; the server may close the connection before everything is sent.
    try:
        assert http.post(path, content=pieces(50), headers=JSON).status_code == 413
    except httpx.WriteError:
        pass
    assert http.get("/health").status_code == 200


STRANGE = [
    b'{"model": NaN}',
    b'{"model": "a/b", "sender": Infinity}',
    rb'{"model": "\ud800/b"}',
    rb'{"model": "a/b", "sender": "\udc00"}',
    b'{"model": "a/b", "use_chat_template": 1e400}',
    b'{"model": ' + b"1" * 6000 + b"}",
    b"[" * 5000,
    b"null",
    b"[1, 2]",
    b'{"model": {"a": [1]}}',
    b'{"model": "a/b", "' + b"k" * 5000 + b'": 1}',
    b'{"model": "' + b"x" * 5000 + b'"}',
    b'{"data": [NaN], "fn_index": 0}',
    b'{"data": [], "fn_index": 99999}',
    b'{"data": [[[[]]]], "fn_index": 0}',
    b'{"data": [1, 2, 3, 4, 5], "fn_index": 0}',
    b'{"data": "x", "fn_index": "y"}',
    b'{"data": [], "fn_index": 0, "event_data": {"path": "/etc/passwd"}}',
]


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("body", STRANGE, ids=range(len(STRANGE)))
def test_strange_json_is_the_senders_fault_and_not_repeated(
    http: httpx.Client, path: str, body: bytes
) -> None:
    answer = http.post(path, content=body, headers=JSON)
    assert 400 <= answer.status_code < 500
    assert len(answer.content) < 1000
    assert b"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" not in answer.content
    assert b"xxxx" not in answer.content


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "multipart/form-data; boundary=x"},
        {**JSON, "content-encoding": "gzip"},
        {**JSON, "content-encoding": "br"},
    ],
)
@pytest.mark.parametrize("path", POSTED)
def test_what_is_not_plain_json_is_not_read(
    http: httpx.Client, path: str, headers: dict[str, str]
) -> None:
    assert http.post(path, content=b"{}", headers=headers).status_code == 415


CLOSED = [
    ("POST", "/gradio_api/upload"),
    ("POST", "/gradio_api/upload?upload_id=1"),
    ("GET", "/gradio_api/upload_progress?upload_id=1"),
    ("POST", "/gradio_api/queue/join/"),
    ("POST", "/gradio_api/call/load"),
    ("GET", "/gradio_api/heartbeat/abc"),
    ("POST", "/gradio_api/component_server"),
    ("POST", "/gradio_api/stream/abc"),
    ("POST", "/gradio_api/process_recording"),
    ("POST", "/gradio_api/vibe-edit"),
    ("GET", "/gradio_api/file=/etc/passwd"),
    ("GET", "/gradio_api/proxy=http://127.0.0.1:4200/"),
    ("GET", "/gradio_api/startup-events"),
    ("GET", "/gradio_api/runs"),
    ("GET", "/monitoring"),
    ("POST", "/login"),
    ("GET", "/logout"),
    ("GET", "/no/such"),
]


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_what_no_page_uses_is_closed(http: httpx.Client, method: str, path: str) -> None:
    assert http.request(method, path, json={}).status_code in (404, 405)


def test_many_empty_files_leave_nothing_on_disk(http: httpx.Client, tmp_path: Path) -> None:
    files = [("files", (f"{number}.txt", b"")) for number in range(500)]
    answer = http.post("/gradio_api/upload", files=files)
    assert answer.status_code == 404
    assert "/tmp" not in answer.text


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/", "/data/board.json", "/api/check", "/gradio_api/run/load"])
def test_other_methods_are_refused(http: httpx.Client, method: str, path: str) -> None:
    answer = http.request(method, path, headers={"origin": f"http://{EVIL}"})
    assert answer.status_code == 405
    assert answer.headers["allow"] in ("POST", "GET, HEAD")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": EVIL},
        {"x-forwarded-host": EVIL},
        {"x-forwarded-host": f"{EVIL}, other.example", "x-forwarded-proto": "https"},
        {"x-gradio-server": f"http://{EVIL}"},
        {"forwarded": f"host={EVIL}"},
        {"host": EVIL, "x-forwarded-host": EVIL, "x-gradio-server": f"http://{EVIL}"},
    ],
)
def test_no_answer_takes_the_name_of_the_server_from_a_request(
    http: httpx.Client, headers: dict[str, str]
) -> None:
    for path in (*PAGES, "/logout", "/openapi.json", "/theme.css", "/queue/", "/ui/board.js"):
        answer = http.get(path, headers=headers, follow_redirects=False)
        assert EVIL not in answer.text, path
        assert EVIL not in answer.headers.get("location", ""), path


def test_no_page_names_a_folder_of_the_server(http: httpx.Client, settings: Settings) -> None:
    for path in (*PAGES, "/openapi.json", "/theme.css", "/manifest.json", "/no/such"):
        text = http.get(path).text
        for folder in (sys.prefix, str(settings.home), tempfile.gettempdir(), gradio.__path__[0]):
            assert folder not in text, path


def test_other_sites_read_nothing_of_gradios(http: httpx.Client) -> None:
    answer = http.get("/queue", headers={"origin": f"http://{EVIL}", "host": "board.example"})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control-allow-origin")]


@pytest.fixture
def guarded(settings: Settings) -> Iterator[httpx.Client]:
    """A client of a viewer with a name, behind a proxy on this machine, with small limits."""
    own = settings.model_copy(
        update={
            "viewer_hosts": "board.example, localhost:7860",
            "viewer_connections_per_address": 2,
            "viewer_submissions_per_address": 0,
        }
    )
    with (
        serving(build_app(own)) as address,
        httpx.Client(base_url=address, timeout=300, headers={"host": "Board.Example"}) as client,
    ):
        yield client


def test_a_board_with_a_name_answers_to_it_alone(guarded: httpx.Client) -> None:
    assert guarded.get("/health").status_code == 200
    for host in ("board.example:443", "localhost:7860"):
        assert guarded.get("/health", headers={"host": host}).status_code == 200
    for host in (EVIL, "localhost", "localhost:80", "board.example.evil.example", "", "127.0.0.1"):
        assert guarded.get("/health", headers={"host": host}).status_code == 421


def test_submissions_are_limited_by_the_address_that_a_trusted_proxy_names(
    guarded: httpx.Client,
) -> None:
    form = {"model": "no/such", "sender": "any name"}
    for address in ("203.0.113.7", "2001:db8::1", "6.6.6.6, 203.0.113.8"):
        answer = guarded.post("/api/submissions", json=form, headers={"x-forwarded-for": address})
        assert answer.status_code == 429
        assert "network address" in answer.json()["error"]
    assert guarded.post("/api/submissions", json=form).status_code == 422


def test_an_error_of_ours_is_told_in_words_without_details(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("/home/somebody: Symlink loop")

    monkeypatch.setattr(submissions, "preview_submission", fail)
    answer = http.post("/api/check", json={"model": "org/model"})
    assert answer.status_code == 500
    assert "/home" not in answer.text
    assert "Tell the operators" in answer.json()["error"]


def test_a_check_names_no_folder_and_no_setting(http: httpx.Client, settings: Settings) -> None:
    forms: list[dict[str, Any]] = [
        {"model": "demo/none"},
        {"model": "demo/none", "base_model": "demo/base", "weight_type": "Adapter"},
        {"model": "demo/none", "revision": "v1"},
        {"model": "/etc"},
        {"model": "./models"},
    ]
    for form in forms:
        for path in ("/api/check", "/api/submissions"):
            text = http.post(path, json=form).text
            assert str(settings.home) not in text
            assert "EVALBOARD_" not in text
            assert "HF_HUB" not in text


LONG = "xyz" * 3000
QUERIES = [
    "/data/model.json",
    "/data/model.json?id=%ff%fe%00",
    "/data/model.json?id=%ed%a0%80&sha=%00",
    f"/data/model.json?id={LONG}",
    f"/data/model.json?id=a&{LONG}=1",
    "/data/compare.json?" + "m=a&" * 500,
    "/data/compare.json?m=@@@@@@@@@@",
    f"/data/compare.json?m={LONG}",
    "/data/questions.json?m=a&benchmark=b&offset=NaN",
    "/data/questions.json?m=a&benchmark=b&limit=1e999",
    "/data/questions.json?m=a&benchmark=b&offset=" + "9" * 5000,
    "/data/questions.json?m=a&benchmark=b&show=<script>",
    f"/data/questions.json?m=a&benchmark=b&search={LONG}",
    f"/api/limits?sender={LONG}",
    f"/api/names?q={LONG}",
    "/ui/texts.%2e%2e.json",
    f"/ui/{LONG}",
    f"/{LONG}",
    "/%ff%00/%2e%2e",
]


@pytest.mark.parametrize("target", QUERIES, ids=range(len(QUERIES)))
def test_a_strange_query_is_the_readers_fault_and_not_repeated(
    http: httpx.Client, board_folder: Any, make_row: Any, target: str
) -> None:
    board_folder.write_board([make_row("org/model", 0.5)])
    answer = http.get(target, headers={"accept-language": f"de;q=nan, {LONG};q={'9' * 500}"})
    assert 400 <= answer.status_code < 500
    assert len(answer.content) < 3000
    assert "xyzxyzxyzxyzxyzxyzxyz" not in answer.text
    assert "<script>" not in answer.text


def send(http: httpx.Client, *parts: bytes) -> bytes:
    """Send bytes as they are, and return the first bytes of the answer."""
    target = urlsplit(str(http.base_url))
    with socket.create_connection((target.hostname, target.port), timeout=60) as connection:
        # The server may close the connection before it has read everything.
        with contextlib.suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
        return connection.recv(300)


def test_a_body_that_is_announced_too_large_is_not_waited_for(http: httpx.Client) -> None:
    head = b"POST /api/check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    for length in (MAX_BYTES + 1, 10**15):
        answer = send(http, head + b"Content-Length: %d\r\n\r\n" % length)
        assert b" 413 " in answer
        assert b"connection: close" in answer.lower()
    expecting = b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
    assert b" 413 " in send(http, head + expecting)


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 100\r\n\r\n",
        b'Content-Length: 100\r\n\r\n{"model":',
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n{    \r\n",
        b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
    ],
    ids=range(4),
)
def test_a_body_that_does_not_come_is_not_waited_for(
    http: httpx.Client, rest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MAX_SECONDS", 0.1)
    head = b"POST /api/check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    answer = send(http, head + rest)
    assert answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").startswith(b"HTTP/1.1 408") or (
        answer == b"HTTP/1.1 100 Continue\r\n\r\n"
    )


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 600_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"b" * 600_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 100_000 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    ],
    ids=range(5),
)
def test_a_head_that_does_not_end_or_is_none_is_refused(http: httpx.Client, head: bytes) -> None:
    assert send(http, head).startswith(b"HTTP/1.1 400 ")


def test_a_web_socket_is_no_way_in(http: httpx.Client) -> None:
    upgrade = (
        b"GET /gradio_api/queue/join HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n"
    )
    assert b" 101 " not in send(http, upgrade)


def test_pages_are_relative_and_what_they_load_is_open(http: httpx.Client) -> None:
    config = http.get("/analysis").text
    start = config.index("window.gradio_config = ") + len("window.gradio_config = ")
    root = json.JSONDecoder().raw_decode(config[start:])[0]["root"]
    assert root == "/."
    for name in ("/theme.css", "/manifest.json", "/favicon.ico", "/robots.txt"):
        assert http.get(name).status_code == 200, name
