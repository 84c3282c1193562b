"""The check in front of the Prefect server, on an app that says that it was reached."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from evalboard_prefect.deployments.guard import Guard

OWN = "https://prefect.example.org"
JSON = {"content-type": "application/json", "content-length": "2"}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"reached"})


def ask(method: str | None, headers: Mapping[str, str]) -> list[Message]:
    """Return what is answered to a request, or to a WebSocket if there is no method."""
    scope: dict[str, Any] = {
        "type": "http" if method else "websocket",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    if method:
        scope["method"] = method
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Guard(app, [OWN])(scope, receive, send))
    return sent


def status(method: str, headers: Mapping[str, str]) -> int:
    return ask(method, headers)[0]["status"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:4200",
        "localhost:4200",
        "LOCALHOST",
        "[::1]:4200",
        "10.1.2.3:4200",
        "prefect.example.org",
        "Prefect.Example.org:443",
    ],
)
def test_own_names_are_taken(host: str) -> None:
    assert status("GET", {"host": host}) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:4200",
        "127.0.0.1.evil.example:4200",
        "localhost.evil.example",
        "prefect.example.org.evil.example",
        "evilprefect.example.org",
        "localhost@evil.example",
        "0x7f.1.evil.example",
        "[::1",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", None])
def test_names_that_others_can_lead_here_are_refused(host: str, method: str | None) -> None:
    (first, *_) = ask(method, {"host": host, **JSON})
    assert first.get("status") == 403 if method else first["type"] == "websocket.close"


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:4200", "http://127.0.0.1:4200"),
        ("localhost:4200", "http://localhost:4200"),
        ("[::1]:4200", "http://[::1]:4200"),
        ("10.1.2.3:4200", "http://10.1.2.3:4200"),
        ("prefect.example.org", OWN),
        ("127.0.0.1:4200", OWN),  # a proxy that gives the server its inner name
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", None])
def test_own_pages_are_taken(host: str, origin: str, method: str | None) -> None:
    (first, *_) = ask(method, {"host": host, "origin": origin, **JSON})
    assert first.get("status") == 200 if method else first["type"] == "websocket.accept"


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1:7860",  # another program's page on this machine
        "http://localhost:4200",  # another name than that of the request
        "http://127.0.0.1",
        "http://127.0.0.1:4200.evil.example",
        "http://evil.example/127.0.0.1:4200",
        "https://prefect.example.org.evil.example",
        "null",  # a sandboxed frame, a file
        "",
        "chrome-extension://abc",
        "http://[",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", None])
def test_pages_of_others_are_refused(origin: str, method: str | None) -> None:
    (first, *_) = ask(method, {"host": "127.0.0.1:4200", "origin": origin, **JSON})
    assert first.get("status") == 403 if method else first["type"] == "websocket.close"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
@pytest.mark.parametrize("mode", ["no-cors", "cors", "websocket", "same-origin"])
def test_scripts_and_images_of_other_pages_are_refused(site: str, mode: str) -> None:
    headers = {"host": "localhost:4200", "sec-fetch-site": site, "sec-fetch-mode": mode}
    assert status("GET", headers) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_on_another_page_may_be_followed_but_nothing_sent_with_it(site: str) -> None:
    headers = {"host": "localhost:4200", "sec-fetch-site": site, "sec-fetch-mode": "navigate"}
    assert status("GET", headers) == 200
    assert status("POST", headers | JSON) == 403


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_own_pages_and_typed_addresses_are_taken(site: str) -> None:
    headers = {"host": "localhost:4200", "sec-fetch-site": site, "sec-fetch-mode": "cors"}
    assert status("GET", headers) == status("POST", headers | JSON) == 200


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_taken(kind: str) -> None:
    headers = {"host": "localhost", "content-length": "2", "content-type": kind}
    assert status("POST", headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"content-length": "2"},  # a page's Blob without a type
        {"content-length": "2", "content-type": "text/plain"},
        {"content-length": "2", "content-type": "text/plain; application/json"},
        {"content-length": "2", "content-type": "application/x-www-form-urlencoded"},
        {"content-length": "2", "content-type": "multipart/form-data; boundary=a"},
        {"transfer-encoding": "chunked", "content-type": "text/plain"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_a_page_may_send_without_asking_is_refused(
    method: str, headers: dict[str, str]
) -> None:
    assert status(method, {"host": "localhost", **headers}) == 415


def test_a_request_without_a_body_needs_no_type() -> None:
    assert status("DELETE", {"host": "localhost"}) == 200
    assert status("POST", {"host": "localhost", "content-length": "0"}) == 200


def test_no_other_site_may_show_the_pages_in_a_frame() -> None:
    headers = dict(ask("GET", {"host": "localhost"})[0]["headers"])
    assert headers[b"x-frame-options"] == b"SAMEORIGIN"
    assert headers[b"content-security-policy"] == b"frame-ancestors 'self'"
