import asyncio
import json
from collections.abc import Sequence

import pytest
from starlette.datastructures import Headers
from starlette.types import Message

from leaderboard_app import bodies
from leaderboard_app.bodies import MAX_BYTES, BadBody, read_body, read_json

JSON = Headers({"content-type": "application/json; charset=utf-8"})


def read(pieces: Sequence[bytes], **headers: str) -> bytes | None:
    """Read a body that comes in pieces; it never ends if the last one is empty."""
    messages: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    if not pieces or pieces[-1]:
        messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return asyncio.run(read_body(receive, Headers(named)))


def test_a_body_is_read_whole() -> None:
    assert read([b"{", b"}"], content_length="2") == b"{}"
    assert read([b"x" * MAX_BYTES]) == b"x" * MAX_BYTES
    assert read([]) == b""


@pytest.mark.parametrize("length", [str(MAX_BYTES + 1), "9" * 5000, "-1", "1e3"])
def test_a_large_body_is_refused_before_it_is_read(length: str) -> None:
    with pytest.raises(BadBody) as refused:
        read([b""], content_length=length)
    assert refused.value.status == 413


@pytest.mark.parametrize("pieces", [[b"x" * (MAX_BYTES + 1)], [b"x" * 1000] * 66, [b"x"] * 70_000])
def test_a_body_without_a_length_is_read_as_far_as_the_limit(pieces: list[bytes]) -> None:
    with pytest.raises(BadBody) as refused:
        read([*pieces, b""])
    assert refused.value.status == 413


@pytest.mark.parametrize("pieces", [[b""], [b"{", b""], [b"{}"] * 10 + [b""]])
def test_a_body_that_does_not_come_is_given_up(
    pieces: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MAX_SECONDS", 0.01)
    with pytest.raises(BadBody) as refused:
        read(pieces)
    assert refused.value.status == 408


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "zstd"])
def test_a_compressed_body_is_refused(encoding: str) -> None:
    with pytest.raises(BadBody) as refused:
        read([b"x"], content_encoding=encoding)
    assert refused.value.status == 415


def test_who_goes_away_sends_nothing() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    assert asyncio.run(read_body(receive, Headers())) is None


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "json"])
def test_only_json_is_read(kind: str) -> None:
    with pytest.raises(BadBody) as refused:
        read_json(b"{}", Headers({"content-type": kind}))
    assert refused.value.status == 415


STRANGE = [
    b"",
    b"{",
    b"\xff\xfe{}",
    b'{"model": NaN}',
    b'{"model": Infinity}',
    b'{"a": {"b": [-Infinity]}}',
    b'{"model": 1e999}',
    b'{"model": ' + b"9" * 5000 + b"}",
    rb'{"model": "\ud800"}',
    rb'{"model": "a\udfffb"}',
    rb'{"\udc00": 1}',
    rb'["\ud800\ud800"]',
    b"[" * 60_000,
    b'{"a":' * 12_000,
    b'{"a": 1} {}',
    b"[1,]",
]


@pytest.mark.parametrize("body", STRANGE, ids=range(len(STRANGE)))
def test_what_is_not_strict_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadBody) as refused:
        read_json(body, JSON)
    assert refused.value.status == 400


def test_a_document_is_read_as_it_was_written() -> None:
    document = {"a": "é\U0001f600\u2028", "b": [1.5, -2, None, True], "c": 10**300}
    for ascii_only in (True, False):
        body = json.dumps(document, ensure_ascii=ascii_only).encode()
        assert read_json(body, JSON) == document
