"""Which hosts, addresses and origins are this very machine."""

from __future__ import annotations

import ipaddress
import re

_HOST = re.compile(r"(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::[0-9]{1,5})?", re.IGNORECASE)


def host_of(header: str) -> str | None:
    """The host of a ``Host`` header, lower case, without its port; none if it is not one."""
    match = _HOST.fullmatch(header)
    return match["host"].lower() if match else None


def host_of_origin(origin: str) -> str | None:
    """The host and port of an ``Origin`` (as a ``Host`` header has them); none if it is not one."""
    scheme, _, host = origin.partition("://")
    return host.lower() if scheme in {"http", "https"} and _HOST.fullmatch(host) else None


def is_loopback_host(host: str) -> bool:
    """Whether a host name (without port) always means this machine."""
    return host == "localhost" or is_loopback_address(host.strip("[]"))


def is_loopback_address(address: str) -> bool:
    """Whether an IP address is this machine's loopback."""
    parsed = _parse(address)
    return parsed is not None and parsed.is_loopback


def network_of(address: str) -> str:
    """What counts as one caller: an IPv4 address, or the /64 that one IPv6 customer gets."""
    parsed = _parse(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed or address)


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
