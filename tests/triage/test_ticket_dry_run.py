from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE
from store.engine import Database
from tests.triage.ticket_shop import ROUTER, STORE, TicketShop
from triage.corrections import CorrectionSource, LabelKind
from triage.dry_run import Example
from triage.entities import EntityFinder
from triage.errors import RoutingInvalid
from triage.routing import Router
from triage.rules import parse_routing
from triage.stored_tickets import Selection
from triage.ticket_dry_run import TicketDryRun, dry_run_of_tickets

pytestmark = pytest.mark.anyio

REFUND = "Hello, I want my money back for the lamp I sent back on monday, thanks."
ALL = Selection()
VIP = {"name": "gold", "when": {"fact": "tier", "equals": "gold"}, "then": {"queue": "vip", "priority": "P1"}}
MONEY = {"name": "money", "when": {"entity": "money"}, "then": {"queue": "accounts"}}


def router(*rules: dict[str, Any], **more: Any) -> Router:
    return Router.of(parse_routing({"rules": list(rules), **more}, source="test"))


@pytest.fixture
def shop(database: Database, clock: ManualClock) -> TicketShop:
    return TicketShop(database, clock)


async def tried(shop: TicketShop, proposed: Router, *, current: Router | None = ROUTER) -> TicketDryRun:
    return await dry_run_of_tickets(shop.stored, ALL, current, proposed, finder=EntityFinder())


async def test_the_rules_that_are_in_force_move_nothing(shop: TicketShop) -> None:
    await shop.take_in(
        [REFUND, "where is my parcel?"] * 20, channel="letter", customer={"tier": "enterprise"}
    )
    found = await tried(shop, ROUTER)
    assert (found.outcome.total, found.outcome.moved, found.not_triaged) == (40, 0, 0)
    assert (await tried(shop, ROUTER, current=None)).outcome.moved == 0


async def test_other_rules_move_tickets_by_what_is_stored_of_them(shop: TicketShop) -> None:
    await shop.take_in([REFUND])
    gold = await shop.take_in([REFUND] * 2, customer={"tier": "gold"})
    await shop.take_in([REFUND], triaged=False)
    steps: list[int] = []
    found = await dry_run_of_tickets(
        shop.stored, ALL, ROUTER, router(VIP), finder=EntityFinder(), examples=1, advance=steps.append
    )
    assert (found.outcome.compared, found.outcome.moved, found.not_triaged, sum(steps)) == (3, 2, 1, 4)
    (change,) = found.outcome.queues
    assert (change.before, change.after, change.rules) == ("general", "vip", (("gold", 2),))
    assert change.examples == (Example(gold[1].id, "gold"),)  # newest first
    assert found.outcome.raised == 2


async def test_against_where_they_are_people_s_word_counts(shop: TicketShop) -> None:
    (ticket,) = await shop.take_in([REFUND])
    async with shop.database.write() as connection:
        for kind, became in ((LabelKind.QUEUE, "legal"), (LabelKind.PRIORITY, "P1")):
            await STORE.correct(
                connection,
                DEFAULT_WORKSPACE,
                ticket.id,
                kind=kind,
                became=became,
                who="ada",
                source=CorrectionSource.API,
                at=shop.clock.now(),
            )
    found = (await tried(shop, ROUTER, current=None)).outcome
    assert [(change.before, change.after) for change in found.queues] == [("legal", "general")]
    assert [(change.before, change.after) for change in found.priorities] == [("P1", "P3")]


async def test_what_a_message_names_is_found_anew(shop: TicketShop) -> None:
    await shop.take_in(["I want 12.50 EUR back, refund me please", "I want my money back"])
    found = (await tried(shop, router(MONEY))).outcome
    assert [(change.after, change.count) for change in found.queues] == [("accounts", 1)]


async def test_a_promise_that_no_calendar_can_keep_is_told(shop: TicketShop) -> None:
    shop.clock.time = datetime(9999, 1, 1, tzinfo=UTC)
    await shop.take_in([REFUND])
    patient = {"first_response": "9999h", "resolution": "9999h"}
    never = router(
        calendars={"always": {"timezone": "UTC", "hours": "always"}},
        sla={"calendar": "always", "targets": dict.fromkeys(("P1", "P2", "P3", "P4"), patient)},
    )
    with pytest.raises(RoutingInvalid, match="after the year 9999"):
        await tried(shop, never)
