from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bench.contract.faults import Fault, Faults
from bench.contract.server import ContractServer
from bench.contract.vendor import Vendor
from kit.clock import ManualClock
from signals.connectors.answer import CredentialsRefused
from signals.connectors.connector import DeliveryFailed, DeliveryRefused
from signals.connectors.http import Call, HttpClient, prepared
from signals.connectors.settings import HttpSettings
from signals.connectors.tokens import Token, TokenSource, basic, bearer
from signals.connectors.waiting import ManualWaiting

SETTINGS = HttpSettings(per_second=1000, burst=100)


class Echo(Vendor):
    """Says back what it was told, or whatever ``answers`` holds next."""

    def __init__(self) -> None:
        self.answers: list[Response] = []
        super().__init__()

    def routes(self) -> list[Route]:
        return [Route("/echo", self._echo, methods=["GET", "POST"])]

    async def _echo(self, request: Request) -> Response:
        return (
            self.answers.pop(0) if self.answers else JSONResponse({"said": (await request.body()).decode()})
        )


@dataclass
class Issuer:
    """Issues tokens of ``echo``, and counts them."""

    echo: Echo
    issued: int = 0
    lasts: timedelta | None = None
    clock: ManualClock | None = None

    async def fetch(self) -> Token:
        self.issued += 1
        await asyncio.sleep(0)
        ends = self.clock.now() + self.lasts if self.lasts and self.clock else None
        return bearer(self.echo.issue(), expires_at=ends)


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def issuer(echo: Echo) -> Issuer:
    return Issuer(echo)


@pytest.fixture
def waiting() -> ManualWaiting:
    return ManualWaiting()


@pytest.fixture
def server(echo: Echo) -> Iterator[ContractServer]:
    with ContractServer(echo) as server:
        yield server


Connect = Callable[..., HttpClient]


@pytest.fixture
async def connect(
    server: ContractServer, issuer: Issuer, clock: ManualClock, waiting: ManualWaiting
) -> AsyncIterator[Connect]:
    opened: list[HttpClient] = []

    def make(settings: HttpSettings = SETTINGS, tokens: TokenSource = issuer) -> HttpClient:
        opened.append(
            HttpClient("Echo", server.url, settings=settings, clock=clock, waiting=waiting, tokens=tokens)
        )
        return opened[-1]

    yield make
    for client in opened:
        await client.close()


SAY = Call("POST", "/echo", json={"a": 1})


async def test_an_address_at_the_end_of_what_is_shown_is_no_half_address() -> None:
    client = HttpClient(
        "Target", "https://example.org", settings=HttpSettings(), clock=ManualClock(), waiting=ManualWaiting()
    )
    said = "x" * 290 + " ada.byron@example.com is wrong"
    assert "ada" not in client.without_secrets(said)
    await client.close()


async def test_a_call_carries_body_and_token(connect: Connect, echo: Echo) -> None:
    answer = await connect().send(SAY)
    assert answer.json() == {"said": '{"a":1}'}
    assert echo.seen[0].headers["authorization"].startswith("Bearer ")


@pytest.mark.parametrize("fault", list(Fault))
async def test_one_fault_of_any_kind_is_overcome_at_once(connect: Connect, echo: Echo, fault: Fault) -> None:
    echo.faults.script = [fault]
    assert (await connect().send(SAY)).status == 200
    assert len(echo.seen) == 2


async def test_what_must_not_be_sent_twice_is_sent_once(connect: Connect, echo: Echo) -> None:
    for fault in (Fault.TIMEOUT_AFTER_SUCCESS, Fault.SERVER_ERROR):
        echo.faults.script = [fault]
        with pytest.raises(DeliveryFailed):
            await connect().send(Call("POST", "/echo", repeatable=False))
    assert len(echo.seen) == 2


async def test_waits_grow_with_jitter_and_end(connect: Connect, echo: Echo, waiting: ManualWaiting) -> None:
    echo.faults.script = [Fault.SERVER_ERROR] * 4
    with pytest.raises(DeliveryFailed, match="status 503") as caught:
        await connect(HttpSettings(attempts=4, per_second=1000, burst=100)).send(SAY)
    assert caught.value.retry_after is None
    assert len(waiting.slept) == 3
    assert all(0 <= wait < 0.5 * 2**n for n, wait in enumerate(waiting.slept))


async def test_seconds_asked_for_are_waited(connect: Connect, echo: Echo, waiting: ManualWaiting) -> None:
    echo.faults = Faults(retry_after=5, script=[Fault.RATE_LIMITED])
    await connect().send(SAY)
    assert sum(waiting.slept) == pytest.approx(5, abs=0.01)


async def test_a_pause_holds_for_every_task(connect: Connect, echo: Echo, waiting: ManualWaiting) -> None:
    client = connect(HttpSettings(attempts=1, longest_wait=20))
    echo.faults = Faults(retry_after=30, script=[Fault.RATE_LIMITED])
    with pytest.raises(DeliveryFailed):
        await client.send(SAY)
    with pytest.raises(DeliveryFailed, match="left alone for 30 s") as caught:
        await client.send(SAY)
    assert caught.value.retry_after == pytest.approx(30)
    assert len(echo.seen) == 1
    waiting.time += 15
    await client.send(SAY)
    assert sum(waiting.slept) == pytest.approx(15)


async def test_a_long_wait_is_left_to_the_queue(connect: Connect, echo: Echo, waiting: ManualWaiting) -> None:
    echo.faults = Faults(retry_after=3600, script=[Fault.RATE_LIMITED])
    with pytest.raises(DeliveryFailed) as caught:
        await connect().send(SAY)
    assert caught.value.retry_after == 3600
    assert not waiting.slept


async def test_a_date_to_retry_after_is_understood(connect: Connect, echo: Echo, clock: ManualClock) -> None:
    when = format_datetime(clock.now() + timedelta(minutes=10), usegmt=True)
    for value, seconds in ((when, 600), ("-5", None), ("soon", None), ("inf", None)):
        echo.answers = [JSONResponse({}, 503, {"Retry-After": value})]
        with pytest.raises(DeliveryFailed) as caught:
            await connect(HttpSettings(attempts=1)).send(SAY)
        assert caught.value.retry_after == seconds


async def test_a_hundred_tasks_fetch_one_token(connect: Connect, echo: Echo, issuer: Issuer) -> None:
    client = connect()
    await asyncio.gather(*(client.send(SAY) for _ in range(100)))
    assert issuer.issued == 1
    echo.tokens.clear()
    await asyncio.gather(*(client.send(SAY) for _ in range(20)))
    assert issuer.issued == 2


async def test_a_token_is_renewed_before_it_ends(
    connect: Connect, issuer: Issuer, clock: ManualClock
) -> None:
    issuer.lasts, issuer.clock = timedelta(minutes=10), clock
    client = connect()
    await client.send(SAY)
    clock.advance(timedelta(minutes=9, seconds=29))
    await client.send(SAY)
    assert issuer.issued == 1
    clock.advance(timedelta(seconds=2))
    await client.send(SAY)
    assert issuer.issued == 2


async def test_a_token_that_is_never_taken_is_renewed_once(
    connect: Connect, echo: Echo, issuer: Issuer
) -> None:
    echo.faults = Faults({Fault.EXPIRED_TOKEN: 1})
    with pytest.raises(CredentialsRefused, match="status 401"):
        await connect().send(SAY)
    assert issuer.issued == 2


async def test_a_refusal_is_not_tried_again(connect: Connect, echo: Echo) -> None:
    with pytest.raises(DeliveryRefused, match="Echo: GET status 404"):
        await connect().send(Call("GET", "/nowhere"))
    assert len(echo.seen) == 1
    assert (await connect().send(Call("GET", "/nowhere"), accept={404})).status == 404


async def test_redirects_are_not_followed(connect: Connect, echo: Echo) -> None:
    echo.answers = [RedirectResponse("/echo")]
    with pytest.raises(DeliveryRefused, match="status 307"):
        await connect().send(SAY)
    assert len(echo.seen) == 1


@pytest.mark.parametrize(
    "path", ["http://elsewhere.example.com/next", "http://127.0.0.1:1/next", "@elsewhere.example.com/next"]
)
async def test_a_page_of_another_host_is_not_asked_for(connect: Connect, path: str) -> None:
    with pytest.raises(DeliveryRefused, match="another host"):
        await connect().send(Call("GET", path))


async def test_a_huge_answer_is_refused(connect: Connect) -> None:
    with pytest.raises(DeliveryRefused, match="more than 10 bytes"):
        await connect(HttpSettings(max_answer_bytes=10)).send(SAY)


async def test_an_answer_that_never_comes_is_given_up(
    clock: ManualClock, waiting: ManualWaiting, issuer: Issuer
) -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await _reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = HttpSettings(timeout=0.05, attempts=1)
    client = HttpClient(
        "Silent", f"http://127.0.0.1:{port}", settings=settings, clock=clock, waiting=waiting, tokens=issuer
    )
    with pytest.raises(DeliveryFailed, match="did not answer in full"):
        await client.send(Call("GET", "/?who=ada@example.com"))
    await client.close()
    server.close()
    await server.wait_closed()


async def test_work_that_is_done_without_a_word_is_a_failure(connect: Connect, echo: Echo) -> None:
    echo.faults = Faults(hang=30, script=[Fault.TIMEOUT_AFTER_SUCCESS])
    with pytest.raises(DeliveryFailed, match="did not answer in full"):
        await connect(HttpSettings(timeout=0.2, attempts=1)).send(SAY)


async def test_what_is_no_json_is_a_failure(connect: Connect, echo: Echo) -> None:
    echo.answers = [Response("<html>", 200)]
    answer = await connect().send(SAY)
    with pytest.raises(DeliveryFailed, match="not JSON"):
        answer.json()


def test_tokens_do_not_show_themselves() -> None:
    assert "s3cret" not in repr(bearer("s3cret")) + repr(basic("ada", "s3cret"))


def test_a_dry_run_shows_where_and_what() -> None:
    (shown,) = prepared("https://x.example", [Call("GET", "/a", params={"q": "1 2"})])
    assert (shown.method, shown.url, shown.body) == ("GET", "https://x.example/a?q=1+2", None)
