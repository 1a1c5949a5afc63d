from __future__ import annotations

import pytest

from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE
from store.engine import Database
from tests.triage.ticket_shop import STORE, TicketShop
from tests.triage.tiny_models import ENCODER, shop_taxonomy, tiny_models
from triage.corrections import CorrectionSource, LabelKind
from triage.labels import Certainty
from triage.proposals import Proposals, propose_from_tickets
from triage.stored_tickets import Selection

pytestmark = pytest.mark.anyio

ALL = Selection(certainty=tuple(Certainty))
GIFT = [f"gift card balance please, gift card number {number}" for number in range(8)]
STRANGE = ["zebra quartz violin", "penguins tell jokes", "the moon is old"]


@pytest.fixture
def shop(database: Database, clock: ManualClock) -> TicketShop:
    return TicketShop(database, clock)


async def proposed(shop: TicketShop, selection: Selection = ALL, *, most: int = 100) -> Proposals:
    model = tiny_models().intents
    return await propose_from_tickets(shop.stored, selection, model, ENCODER, most=most)


async def test_like_messages_become_an_intent_with_its_tickets(shop: TicketShop) -> None:
    await shop.take_in(STRANGE)
    made = await shop.take_in(GIFT)
    found = await proposed(shop)
    assert found.looked_at == len(GIFT) + len(STRANGE)
    (proposal,) = found.items
    assert set(proposal.tickets) == {ticket.id for ticket in made}
    assert "gift" in proposal.intent.name
    assert proposal.intent.nearest is not None
    assert proposal.intent.nearest.name in shop_taxonomy().leaves


async def test_of_all_tickets_only_those_that_triage_was_not_sure_of_are_read(shop: TicketShop) -> None:
    made = await shop.take_in([*GIFT, *STRANGE])
    unsure = [ticket for ticket in made if ticket.certainty is not Certainty.SURE]
    assert (await proposed(shop, Selection())).looked_at == len(unsure) > 0
    async with shop.database.write() as connection:
        await STORE.correct(
            connection,
            DEFAULT_WORKSPACE,
            unsure[0].id,
            kind=LabelKind.INTENT,
            became="billing.refund",
            who="ada",
            source=CorrectionSource.API,
            at=shop.clock.now(),
        )
    assert (await proposed(shop, Selection())).looked_at == len(unsure) - 1
    assert (await proposed(shop, most=2)).looked_at == 2


async def test_mail_of_machines_is_no_intent(shop: TicketShop) -> None:
    await shop.take_in(GIFT, headers={"Auto-Submitted": "auto-replied"})
    assert await proposed(shop) == Proposals(0, ())
