from __future__ import annotations

import pytest

from kit.clock import ManualClock
from store.engine import Database
from tests.triage.ticket_shop import ROUTER, TicketShop, shop_triager
from triage.label_record import ROUTING
from triage.relabelling import relabeller
from triage.routing import Router
from triage.rules import parse_routing
from triage.stored_labels import outline

pytestmark = pytest.mark.anyio

REFUND = "Hello, I want my money back for the lamp I sent back on monday, thanks."
LEGAL = Router.of(
    parse_routing(
        {"rules": [{"name": "all", "when": {"channel": ["letter"]}, "then": {"queue": "legal"}}]},
        source="test",
    )
)


@pytest.fixture
def shop(database: Database, clock: ManualClock) -> TicketShop:
    return TicketShop(database, clock)


async def test_the_same_models_and_rules_give_the_labels_that_it_came_in_with(shop: TicketShop) -> None:
    tickets = await shop.take_in([REFUND, "where is my parcel?", ""], channel="letter")
    for one in tickets:
        (labels,) = relabeller(shop_triager(), ROUTER, route=True)([one])
        assert outline(labels) == outline(one.labels)
        assert labels["intent"]["probability"] == pytest.approx(one.labels["intent"]["probability"])


async def test_other_rules_send_it_elsewhere_unless_it_is_to_stay(shop: TicketShop) -> None:
    (ticket,) = await shop.take_in([REFUND], channel="letter", customer={"tier": "enterprise"})
    assert ticket.queue == "vip"
    (moved,) = relabeller(shop_triager(), LEGAL, route=True)([ticket])
    assert moved[ROUTING]["queue"] == "legal"
    (stayed,) = relabeller(shop_triager(), LEGAL, route=False)([ticket])
    assert stayed[ROUTING] == ticket.routing
    (unruled,) = relabeller(shop_triager(), None, route=True)([ticket])
    assert ROUTING not in unruled


async def test_a_ticket_that_was_never_routed_is_routed_only_on_demand(shop: TicketShop) -> None:
    (ticket,) = await shop.take_in([REFUND], channel="letter", routed=False)
    assert ROUTING not in relabeller(shop_triager(), LEGAL, route=False)([ticket])[0]
    assert relabeller(shop_triager(), LEGAL, route=True)([ticket])[0][ROUTING]["queue"] == "legal"


async def test_what_headers_said_of_it_is_remembered(shop: TicketShop) -> None:
    (mail,) = await shop.take_in(["I am away until monday"], headers={"Auto-Submitted": "auto-replied"})
    (labels,) = relabeller(shop_triager(), ROUTER, route=True)([mail])
    assert labels["origin"] == {"name": "auto_reply", "probability": 1.0, "evidence": []}
