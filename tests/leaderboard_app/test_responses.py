import asyncio
import gzip
import json

import brotli
import pytest
from fastapi import Request
from fastapi.responses import StreamingResponse

from leaderboard_app.responses import prepare, prepare_json


def ask(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


def test_sends_compressed_to_who_takes_it() -> None:
    answer = prepare_json({"a": "é"})
    for accepted, name, decompress in (
        ("gzip, deflate, br", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("br;q=0, gzip;q=0.5", "gzip", gzip.decompress),
    ):
        response = answer.respond(ask(accept_encoding=accepted))
        assert response.headers["content-encoding"] == name
        assert response.headers["vary"] == "Accept-Encoding"
        assert json.loads(decompress(bytes(response.body))) == {"a": "é"}


def test_sends_plain_to_who_does_not() -> None:
    numbers = list(range(100_000))
    response = prepare_json({"a": numbers}).respond(ask())
    assert isinstance(response, StreamingResponse)
    assert "content-encoding" not in response.headers
    assert json.loads(b"".join(asyncio.run(pieces_of(response)))) == {"a": numbers}


async def pieces_of(response: StreamingResponse) -> list[bytes]:
    return [piece async for piece in response.body_iterator if isinstance(piece, bytes)]


@pytest.mark.parametrize("named", ["{}", '"other", {}'])
def test_sends_nothing_to_who_has_it(named: str) -> None:
    answer = prepare(b"x" * 1000, "text/plain")
    response = answer.respond(ask(if_none_match=named.format(answer.etag)))
    assert response.status_code == 304
    assert response.body == b""
    assert response.headers["etag"] == answer.etag


def test_etag_names_the_content() -> None:
    assert prepare_json({"a": 1}).etag == prepare_json({"a": 1}).etag
    assert prepare_json({"a": 1}).etag != prepare_json({"a": 2}).etag


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        prepare_json({"a": float("nan")})
