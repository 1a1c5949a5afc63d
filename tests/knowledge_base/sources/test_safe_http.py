"""No request leaves for an address of one's own network, however it is disguised."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kit.pinned_http import PinnedTransport, UnsafeAddress, is_public, resolve_host
from knowledge_base.errors import CannotLoad
from knowledge_base.sources.safe_http import SafeClient
from tests.knowledge_base.sources.conftest import Answer, Site

pytestmark = pytest.mark.anyio

MEGABYTE = 1_000_000


def safe(**options: object) -> SafeClient:
    return SafeClient(PinnedTransport(**options), user_agent="Careloop/test", seconds=5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1", "168.63.129.16",
        "192.88.99.1", "::1", "::", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1",
        "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
        "64:ff9b:1::1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_of_the_open_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:9/", "http://2130706433/", "http://0x7f.1/", "http://127.1/",
        "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://0/", "https://169.254.169.254/latest/meta-data/",
    ],
)  # fmt: skip
async def test_a_private_address_is_refused_in_any_spelling(url: str) -> None:
    async with safe() as client:
        with pytest.raises(UnsafeAddress, match="open internet"):
            await client.get(url, most_bytes=MEGABYTE)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x.example/", "gopher://x.example/", "http:///"])
async def test_only_the_web_is_followed(url: str) -> None:
    async with safe() as client:
        with pytest.raises((UnsafeAddress, CannotLoad)):
            await client.get(url, most_bytes=MEGABYTE)


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34", "10.0.0.1"]

    async with safe(resolve=resolve) as client:
        with pytest.raises(UnsafeAddress):
            await client.get("http://mixed.example/", most_bytes=MEGABYTE)


async def test_the_connection_goes_to_the_address_that_was_vetted(site: Site) -> None:
    """The name is resolved once: what it resolves to later (DNS rebinding) makes no difference."""
    asked: list[tuple[str, int]] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    site.pages["/a"] = Answer("hello")
    async with safe(allow_private=True, resolve=resolve) as client:
        fetched = await client.get(f"http://help.example:{site.port}/a", most_bytes=MEGABYTE)
    assert fetched.body == b"hello"
    assert asked == [("help.example", site.port)]
    assert site.requests[0][1]["host"] == f"help.example:{site.port}"
    assert site.requests[0][1]["user-agent"] == "Careloop/test"


async def test_a_redirect_to_a_private_address_is_refused(site: Site) -> None:
    """The first hop is allowed as if it were public; the second is vetted like any first one."""

    async def resolve(host: str, _port: int) -> list[str]:
        return ["127.0.0.1"] if host == "127.0.0.1" else ["8.8.8.8"]

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": f"http://127.0.0.1:{site.port}/secret"})

    class Outside(PinnedTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "help.example":
                return await httpx.MockTransport(answer).handle_async_request(request)
            return await super().handle_async_request(request)

    async with SafeClient(Outside(resolve=resolve), user_agent="x") as client:
        with pytest.raises(UnsafeAddress):
            await client.follow("http://help.example/", most_bytes=MEGABYTE)
    assert site.requests == []


async def test_unknown_names_and_dead_ports_say_so() -> None:
    async def nothing(_host: str, _port: int) -> list[str]:
        return []

    async def unknown(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    async with safe(resolve=nothing) as client:
        with pytest.raises(CannotLoad, match="has no address"):
            await client.get("http://nowhere.example/", most_bytes=MEGABYTE)
    async with safe(resolve=unknown) as client:
        with pytest.raises(CannotLoad, match="is not known"):
            await client.get("https://nowhere.example/", most_bytes=MEGABYTE)
    async with safe(allow_private=True) as client:
        with pytest.raises(CannotLoad, match="could not be fetched"):
            await client.get("http://127.0.0.1:1/", most_bytes=MEGABYTE)


async def test_redirects_are_followed_up_to_a_limit(site: Site) -> None:
    site.pages["/a"] = Answer(status=301, headers={"Location": "/b"})
    site.pages["/b"] = Answer("here")
    site.pages["/loop"] = Answer(status=302, headers={"Location": "/loop"})
    site.pages["/odd"] = Answer(status=302, headers={"Location": "http://[bad"})
    async with safe(allow_private=True) as client:
        assert (await client.follow(f"{site.url}/a", most_bytes=MEGABYTE)).body == b"here"
        assert (await client.follow(f"{site.url}/odd", most_bytes=MEGABYTE)).status == 302
        with pytest.raises(CannotLoad, match="more than 5 times"):
            await client.follow(f"{site.url}/loop", most_bytes=MEGABYTE)


async def test_too_much_is_refused_whether_announced_or_not(site: Site) -> None:
    import gzip  # noqa: PLC0415 (only here)

    site.pages["/announced"] = Answer("x" * 5000)
    site.pages["/packed"] = Answer(gzip.compress(b"\0" * 5_000_000), headers={"Content-Encoding": "gzip"})
    async with safe(allow_private=True) as client:
        with pytest.raises(CannotLoad, match="larger than 1,000 bytes"):
            await client.get(f"{site.url}/announced", most_bytes=1000)
        with pytest.raises(CannotLoad, match=r"larger than 1,000,000 bytes"):
            await client.get(f"{site.url}/packed", most_bytes=MEGABYTE)


async def test_slow_answers_are_given_up() -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = SafeClient(PinnedTransport(allow_private=True), user_agent="x", seconds=0.3)
    async with client, server:
        with pytest.raises(CannotLoad, match="longer than 0 seconds"):
            await client.get(f"http://127.0.0.1:{port}/", most_bytes=MEGABYTE)
        await asyncio.sleep(0.1)


async def test_errors_of_the_transport_have_reasons() -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    async with SafeClient(httpx.MockTransport(slow), user_agent="x") as client:
        with pytest.raises(CannotLoad, match="did not answer in time"):
            await client.get("http://x.example/", most_bytes=1)
        with pytest.raises(CannotLoad, match="not a valid URL"):
            await client.get("http://x.example:port/", most_bytes=1)


async def test_the_charset_of_a_response(site: Site) -> None:
    site.pages["/a"] = Answer("x", content_type='text/html; version=1; Charset="latin-1"')
    site.pages["/b"] = Answer("x", content_type="")
    async with safe(allow_private=True) as client:
        first = await client.get(f"{site.url}/a", most_bytes=10)
        second = await client.get(f"{site.url}/b", most_bytes=10)
    assert (first.content_type, first.charset) == ("text/html", "latin-1")
    assert (second.content_type, second.charset) == ("", None)


async def test_the_system_resolver_is_asked() -> None:
    assert "127.0.0.1" in await resolve_host("localhost", 80)


@pytest.fixture
async def tls_site(tmp_path: Path) -> AsyncIterator[tuple[int, ssl.SSLContext]]:
    """A TLS server for help.example, and a context that trusts it: (port, context)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "help.example")])
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 (a certificate is valid now)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("help.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "site.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecure")
        await writer.drain()
        writer.close()

    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    trusting = ssl.create_default_context(cafile=str(pem))
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=serving) as server:
        yield server.sockets[0].getsockname()[1], trusting


async def test_the_certificate_is_checked_against_the_name_not_the_address(
    tls_site: tuple[int, ssl.SSLContext],
) -> None:
    port, trusting = tls_site

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    async with safe(allow_private=True, resolve=resolve, tls=trusting) as client:
        assert (await client.get(f"https://help.example:{port}/", most_bytes=100)).body == b"secure"
        with pytest.raises(CannotLoad, match="could not be fetched"):
            await client.get(f"https://other.example:{port}/", most_bytes=100)
