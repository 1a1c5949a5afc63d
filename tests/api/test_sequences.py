"""Whoever withdraws consent over the API leaves every sequence of marketing in the same transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from signals.customer import KnownCustomer
from signals.delivery.nurturing import NurtureDeliveries
from signals.enrolments import Nurture
from signals.nurture import read_nurture
from signals.signal import Qualification, Signal
from tests.api.conftest import World
from tests.api.test_signals import raise_signal

pytestmark = pytest.mark.anyio
WITHDRAWN = {"purpose": "marketing", "channel": "email", "state": "withdrawn", "source": "form"}


async def enrolled(world: World) -> tuple[World, Signal]:
    """A customer who is in a sequence of the shipped ones, and the world that knows it."""
    signals, delivery = world.services.signals, world.services.delivery
    assert signals is not None
    assert delivery is not None
    nurture = Nurture(read_nurture(), NurtureDeliveries(delivery.outbox, signals.store))
    signal = await raise_signal(world, qualification=Qualification.NURTURE)
    known = KnownCustomer(signal.customer_id, {}, may_be_nurtured=True)
    async with world.services.database.write() as connection:
        assert await nurture.heard(connection, known, signal, at=world.clock.now()) is not None
    return world.with_services(signals=replace(signals, nurture=nurture)), signal


async def commands(client: httpx.AsyncClient) -> list[str]:
    found = (await client.get("/v1/deliveries")).json()["items"]
    return [one["command"] for one in reversed(found)]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "consents", WITHDRAWN),
        ("POST", "consents", WITHDRAWN | {"channel": "any"}),
        ("PUT", "do-not-sell", {"do_not_sell": True, "source": "form"}),
    ],
)
async def test_a_withdrawal_takes_out_of_sequences(
    world: World, method: str, path: str, body: dict[str, object]
) -> None:
    known, signal = await enrolled(world)
    known.clock.advance(timedelta(minutes=1))
    async with known.client() as client:
        assert await commands(client) == ["enrol"]
        answer = await client.request(method, f"/v1/customers/{signal.customer_id}/{path}", json=body)
        assert answer.status_code < 300
        assert await commands(client) == ["enrol", "leave"]


async def test_other_words_leave_them_in(world: World) -> None:
    known, signal = await enrolled(world)
    known.clock.advance(timedelta(minutes=1))
    async with known.client() as client:
        other = WITHDRAWN | {"purpose": "sales"}
        await client.post(f"/v1/customers/{signal.customer_id}/consents", json=other)
        assert await commands(client) == ["enrol"]
