from typing import Any

import pytest

from leaderboard_app.addresses import Proxies, group_of

NETWORKS = ("127.0.0.1", "::1", "10.0.0.0/8")


def scope_of(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return {"type": "http", "client": (peer, 1) if peer else None, "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "reader"),
    [
        ("8.8.8.8", (), "8.8.8.8"),
        ("8.8.8.8", ("1.1.1.1",), "8.8.8.8"),
        ("127.0.0.1", (), None),
        ("127.0.0.1", ("1.1.1.1",), "1.1.1.1"),
        ("::ffff:127.0.0.1", ("1.1.1.1",), "1.1.1.1"),
        ("10.1.2.3", ("6.6.6.6, 1.1.1.1",), "1.1.1.1"),
        ("10.1.2.3", ("6.6.6.6", "1.1.1.1, 10.9.9.9"), "1.1.1.1"),
        ("10.1.2.3", ("10.4.4.4",), None),
        ("127.0.0.1", ("1.1.1.1:4711",), "1.1.1.1"),
        ("127.0.0.1", ("[2001:db8::7]:4711",), "2001:db8::/64"),
        ("127.0.0.1", ("x" * 5000,), "x" * 100),
        ("127.0.0.1", ("\xff\xfe",), "\xff\xfe"),
        ("127.0.0.1", (" , ,",), None),
        (None, ("1.1.1.1",), ""),
    ],
)
def test_only_a_trusted_proxy_names_the_reader(
    peer: str | None, forwarded: tuple[str, ...], reader: str | None
) -> None:
    assert Proxies(NETWORKS).reader_of(scope_of(peer, *forwarded)) == reader


def test_where_every_address_is_trusted_the_first_named_one_counts() -> None:
    assert Proxies(["*"]).reader_of(scope_of("8.8.8.8", "1.1.1.1, 2.2.2.2")) == "1.1.1.1"


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:1.1.1.1", "1.1.1.1", True),
        ("1.1.1.1", "1.1.1.2", False),
    ],
)
def test_an_ipv6_network_counts_as_one(one: str, other: str, together: bool) -> None:
    assert (group_of(one) == group_of(other)) is together
