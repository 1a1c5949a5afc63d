"""From a signal that Salesforce is told of to what the API says became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bench.contract.server import ContractServer
from customers import ConsentChannel, ConsentState, CustomerBook, NewConsent, Purpose
from kit.ids import WorkspaceId
from signals.connectors.waiting import ManualWaiting
from signals.delivery.courier import Courier
from signals.delivery.delivery import Lane
from signals.delivery.drain import Drain
from signals.delivery.outbox import DeliveryOutbox
from signals.delivery.recipients import BookRecipients
from signals.delivery.store import DeliveryStore
from signals.delivery.target import SameTargets, Target
from signals.inbound.poller import Poller
from signals.signal import Signal, SignalKind, Team
from tests.api.conftest import World
from tests.api.signal_parts import KEY
from tests.api.test_signals import raise_signal
from tests.signals.connectors.contract import ONCE
from tests.signals.connectors.salesforce_rig import SalesforceRig, new_key

pytestmark = pytest.mark.anyio


async def _sold_to(world: World, signal: Signal) -> None:
    """The customer agrees to sales."""
    book, now = CustomerBook(world.services.cipher, KEY), world.clock.now()
    said = NewConsent(Purpose.SALES, ConsentChannel.ANY, ConsentState.GRANTED, "form", now)
    async with world.services.database.write() as connection:
        await book.consent(connection, world.config.workspace, signal.customer_id, said, now=now)


async def _deliver(world: World, targets: SameTargets, signal: Signal) -> None:
    database, cipher, clock = world.services.database, world.services.cipher, world.clock
    book = CustomerBook(cipher, KEY)
    async with database.write() as connection:
        await DeliveryOutbox(cipher, clock, connectors=lambda _: ["salesforce"]).put(connection, signal)
    courier = Courier(database, cipher, clock, recipients=BookRecipients(book))
    drain = Drain(database, DeliveryStore(), courier, clock, targets=targets)
    assert await drain.run(Lane(world.config.workspace, "salesforce"), "run 1") == 1


async def test_an_opportunity_that_is_won_in_salesforce_is_the_outcome_of_its_signal(
    each_world: World,
) -> None:
    world = each_world

    async def workspaces() -> Sequence[WorkspaceId]:
        return [world.config.workspace]

    rig = SalesforceRig(new_key(), world.clock)
    with ContractServer(rig.vendor) as server:
        connector = rig.connect(server.url, ONCE, world.clock, ManualWaiting(), currency="GBP")
        targets = SameTargets({"salesforce": Target(connector)})
        signal = await raise_signal(world, SignalKind.UPSELL, score=82.0, team=Team.SALES)
        await _sold_to(world, signal)
        await _deliver(world, targets, signal)
        assert world.services.delivery is not None
        assert world.services.inbound is not None
        shown = world.with_services(delivery=replace(world.services.delivery, targets=targets))
        poller = Poller(
            world.services.database, world.services.inbound, world.clock, targets=targets,
            workspaces=workspaces, every=timedelta(minutes=1),
        )  # fmt: skip
        await poller.look()
        async with shown.client() as client:
            assert (await client.get(f"/v1/signals/{signal.id}/outcomes")).json()["items"] == []
            (deal,) = rig.vendor.org.records["Opportunity"]
            rig.vendor.org.update("Opportunity", deal, {"StageName": "Closed Won", "Amount": 480.0})
            world.clock.advance(timedelta(minutes=1))
            await poller.look()

            assert (await client.get(f"/v1/signals/{signal.id}")).json()["state"] == "closed"
            (outcome,) = (await client.get(f"/v1/signals/{signal.id}/outcomes")).json()["items"]
            assert (outcome["outcome"], outcome["amount"], outcome["currency"]) == ("won", 480.0, "GBP")
            assert (outcome["source"], outcome["reason"]) == ("salesforce", "Closed Won")
            assert outcome["external_id"].startswith(f"{deal}:")
            (upsell,) = (await client.get("/v1/signals/precision")).json()["by_kind"]
            assert (upsell["precision"]["share"], upsell["revenue"]) == (1.0, {"GBP": 480.0})
            (shown_connector,) = (await client.get("/v1/connectors")).json()["items"]
            assert shown_connector["poll"]["error"] is None
            world.clock.advance(timedelta(minutes=1))
            await poller.look()  # the overlap of polls brings it again
            assert len((await client.get(f"/v1/signals/{signal.id}/outcomes")).json()["items"]) == 1
        await connector.close()
