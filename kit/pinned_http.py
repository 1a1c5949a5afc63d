"""Connections to addresses that others chose, which must not lead into the operator's own network.

Server-side request forgery is prevented where it happens, at the connection: a host is resolved once, every
address it has is vetted, and the connection goes to the address that was vetted. A name that resolves to
something else a moment later (DNS rebinding) gains nothing, and neither does a redirect: each one is a
request of its own. https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable

import httpx

from kit.errors import InvalidInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_REFUSED = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32",  # Azure's metadata and platform service, on an address that looks public
            "192.88.99.0/24",  # 6to4 relays, RFC 7526
            "::/96",  # IPv4-compatible, RFC 4291
            "64:ff9b:1::/48",  # NAT64 for one's own network, RFC 8215
            "2001::/32",  # Teredo, RFC 4380: carries an IPv4 address that nobody vetted
            "2002::/16",  # 6to4, RFC 3056: likewise
            "fec0::/10",  # site-local, RFC 3879
        ),
    )
)


class UnsafeAddress(InvalidInput):
    """The URL leads, or redirects, to an address inside this network or to something that is not the web."""

    code = "unsafe_address"


def is_public(address: str) -> bool:
    """Whether ``address`` is one of the open internet: not private, loopback, link-local, multicast, ..."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)))
    if any(ip.version == network.version and ip in network for network in _REFUSED):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


async def resolve_host(host: str, port: int) -> list[str]:
    """Every address that the system's resolver knows for ``host``. Raises ``OSError``."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


class PinnedTransport(httpx.AsyncBaseTransport):
    """Sends each request to an address that was vetted for it, under the name it was asked for.

    ``allow_private`` is for help centres inside the operator's own network, and for tests. Raises
    ``UnsafeAddress`` for what is not ``http`` or ``https``, or has an address that is not public.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve = resolve_host,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        # One pool per host: two names on one address must not share a connection that was verified for one.
        self._pools: dict[str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Vet, pin, send."""
        host = request.url.host
        if request.url.scheme not in {"http", "https"} or not host:
            raise UnsafeAddress(f"Only http and https are followed, not {request.url.scheme!r}.")
        address = await self._vetted(host, request.url.port or (443 if request.url.scheme == "https" else 80))
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,  # with the Host header of the name
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        pool = self._pools.get(host)
        if pool is None:
            pool = self._pools[host] = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False)
        return await pool.handle_async_request(pinned)

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()

    async def _vetted(self, host: str, port: int) -> str:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpx.ConnectError(f"The name {host} is not known.") from None
        if not addresses:
            raise httpx.ConnectError(f"The name {host} has no address.")
        if not self._allow_private and not all(map(is_public, addresses)):
            raise UnsafeAddress(f"{host} is not an address of the open internet.")
        return addresses[0]
