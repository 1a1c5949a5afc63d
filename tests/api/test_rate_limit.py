from __future__ import annotations

from datetime import timedelta

import pytest

from api import Limit, Limits, MemoryRateLimiter
from api.addresses import host_of, host_of_origin, is_loopback_address, is_loopback_host, network_of
from kit.clock import ManualClock
from tests.api.conftest import World

pytestmark = pytest.mark.anyio

ROOMY = Limit(rate=1000, burst=1000)


async def test_a_burst_is_allowed_then_a_steady_rate(clock: ManualClock) -> None:
    limiter = MemoryRateLimiter(clock)
    limit = Limit(rate=2, burst=3)
    assert [await limiter.take("a", limit) for _ in range(3)] == [0, 0, 0]
    assert await limiter.take("a", limit) == pytest.approx(0.5)
    assert await limiter.take("b", limit) == 0
    clock.advance(timedelta(seconds=0.5))
    assert await limiter.take("a", limit) == 0
    assert await limiter.take("a", limit) > 0
    clock.advance(timedelta(hours=1))
    assert [await limiter.take("a", limit) > 0 for _ in range(4)] == [False, False, False, True]


async def test_memory_is_bounded_and_the_longest_silent_is_forgotten(clock: ManualClock) -> None:
    limiter = MemoryRateLimiter(clock, capacity=2)
    limit = Limit(rate=0.1, burst=1)
    for caller in ("a", "b", "a", "c"):
        await limiter.take(caller, limit)
    assert await limiter.take("a", limit) > 0
    assert await limiter.take("b", limit) == 0  # forgotten, in its favour


def test_limits_a_minute_allow_a_tenth_at_once() -> None:
    assert Limit.per_minute(600) == Limit(rate=10, burst=60)
    assert Limit.per_minute(60) == Limit(rate=1, burst=20)
    assert Limit.per_minute(6) == Limit(rate=0.1, burst=6)


async def test_a_key_is_limited_whatever_its_address(world: World) -> None:
    limited = world.with_config(limits=Limits(key=Limit(rate=0.5, burst=2), visitor=ROOMY, address=ROOMY))
    statuses = []
    for number in range(3):
        async with limited.client("chat", address=f"203.0.113.{number}") as client:
            response = await client.post("/v1/conversations", json={})
            statuses.append(response.status_code)
    assert statuses == [201, 201, 429]
    assert (response.headers["retry-after"], response.json()["code"]) == ("2", "rate_limited")
    async with limited.client("all") as client:
        assert (await client.post("/v1/conversations", json={})).status_code == 201
    world.clock.advance(timedelta(seconds=2))
    async with limited.client("chat") as client:
        assert (await client.post("/v1/conversations", json={})).status_code == 201


async def test_an_address_is_limited_whoever_it_says_it_is(world: World) -> None:
    limited = world.with_config(limits=Limits(key=ROOMY, visitor=ROOMY, address=Limit(rate=0.1, burst=2)))
    statuses = []
    for key, address in (
        ("chat", "2001:db8::1"),
        ("cl_guess", "2001:db8::2"),
        ("all", "2001:db8::3"),
        ("all", "2001:db8:0:1::1"),
    ):
        async with limited.client(key, address=address) as client:
            statuses.append((await client.get("/v1/models")).status_code)
    assert statuses == [200, 401, 429, 200]


async def test_a_visitor_is_limited_and_so_is_making_visitors(world: World) -> None:
    tight = Limit(rate=0.1, burst=2)
    page = {"origin": "http://care.example"}
    limited = world.with_config(limits=Limits(key=ROOMY, visitor=tight, address=ROOMY))
    async with limited.client(None, **page) as client:
        token = (await client.post("/v1/visitors", json={})).json()["token"]
    async with limited.client(token, **page) as client:
        assert [(await client.get("/v1/conversations")).status_code for _ in range(3)] == [200, 200, 429]
    crowded = world.with_config(limits=Limits(key=ROOMY, visitor=ROOMY, address=tight))
    async with crowded.client(None, **page) as client:
        assert [(await client.post("/v1/visitors", json={})).status_code for _ in range(3)] == [201, 201, 429]


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("a.example", "a.example"),
        ("A.Example:80", "a.example"),
        ("[::1]:8000", "[::1]"),
        ("", None),
        ("a b", None),
        ("a:x", None),
    ],
)
def test_the_host_of_a_header(header: str, host: str | None) -> None:
    assert host_of(header) == host


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://a.example", "a.example"),
        ("http://a:8000", "a:8000"),
        ("null", None),
        ("file:///x", None),
        ("http://[", None),
    ],
)
def test_the_host_of_an_origin(origin: str, host: str | None) -> None:
    assert host_of_origin(origin) == host


def test_what_is_this_machine() -> None:
    assert all(map(is_loopback_host, ("localhost", "127.0.0.1", "127.9.9.9", "[::1]")))
    assert not any(map(is_loopback_host, ("localhost.evil.example", "0.0.0.0", "10.0.0.1", "")))
    assert is_loopback_address("::ffff:127.0.0.1")
    assert not is_loopback_address("unix:")
    assert network_of("203.0.113.9") == "203.0.113.9"
    assert network_of("2001:db8::1") == network_of("2001:db8::2") == "2001:db8::/64"
    assert network_of("somewhere") == "somewhere"
