"""Who asks: the network address of a reader, through proxies that are trusted. No I/O here."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

FORWARDED_FOR = b"x-forwarded-for"
_IPV6_PREFIX = 64
"""A home or an office has a whole network of this size."""


class Proxies:
    """The proxies whose word on the reader's address is taken.

    Args:
        networks: Addresses and networks, such as `10.0.0.0/8`. `*` means every address.

    Raises:
        ValueError: A word is neither.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        words = list(networks)
        self._all = "*" in words
        self._networks = [ip_network(word, strict=False) for word in words if word != "*"]

    def __contains__(self, address: str) -> bool:
        if self._all:
            return True
        parsed = _parse(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def reader_of(self, scope: Scope) -> str | None:
        """Return what to count a reader's requests by, None for a trusted proxy itself.

        Each proxy adds the address that it was asked from at the end, so the last one that is not
        a trusted proxy's is the reader's; what stands before it, anybody can write.
        """
        client: tuple[str, int] | None = scope.get("client")
        peer = client[0] if client else ""
        if peer not in self:
            return group_of(peer)
        values = (v.decode("latin-1") for name, v in scope["headers"] if name == FORWARDED_FOR)
        told = [word.strip() for word in ",".join(values).split(",") if word.strip()]
        if self._all:
            return group_of(told[0]) if told else None
        return next((group_of(address) for address in reversed(told) if address not in self), None)


def group_of(address: str) -> str:
    """Return what to count an address by: an IPv6 address counts with its network."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _IPV6_PREFIX), strict=False))
    return str(parsed or address[:100])


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    host = address
    if address.startswith("["):
        host = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        host = address.partition(":")[0]
    try:
        parsed = ip_address(host)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
