"""A shop's tickets in a database, triaged and routed by real models as they came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE
from store.encryption import Cipher
from store.engine import Database
from tests.triage.tiny_models import ENCODER, RULES, shop_taxonomy, tiny_models
from triage.message import Message
from triage.routing import Router
from triage.rules import parse_routing
from triage.stored_tickets import StoredTickets
from triage.text_hash import TextHash
from triage.tickets import NewTicket, Ticket, TicketStore
from triage.triager import Triager

KEY = bytes(range(32))
STORE = TicketStore(Cipher(KEY), TextHash(KEY))
ROUTER = Router.of(parse_routing(RULES, source="test"))


@cache
def shop_triager() -> Triager:
    return Triager(tiny_models(), ENCODER, intents=shop_taxonomy().leaves)


@dataclass
class TicketShop:
    database: Database
    clock: ManualClock
    store: TicketStore = STORE
    ids: list[str] = field(default_factory=list)

    @property
    def stored(self) -> StoredTickets:
        return StoredTickets(self.database, self.store, DEFAULT_WORKSPACE)

    async def take_in(
        self,
        texts: Sequence[str],
        *,
        routed: bool = True,
        triaged: bool = True,
        headers: dict[str, str] | None = None,
        every: timedelta = timedelta(minutes=1),
        **more: Any,
    ) -> list[Ticket]:
        """Tickets, one ``every`` so often."""
        found = shop_triager().triage([Message(text, None, headers or {}) for text in texts])
        made = []
        for text, said in zip(texts, found, strict=True):
            now = self.clock.now()
            new = NewTicket("test", str(len(self.ids)), text, **more)
            routing = ROUTER.route(said, at=now, facts=new.customer or {}, channel=new.channel)
            async with self.database.write() as connection:
                ticket, _ = await self.store.create_or_get(connection, DEFAULT_WORKSPACE, new, at=now)
                if triaged:
                    ticket = await self.store.set_labels(
                        connection,
                        DEFAULT_WORKSPACE,
                        ticket.id,
                        triage=said,
                        routing=routing if routed else None,
                        at=now,
                    )
            self.ids.append(ticket.id)
            made.append(ticket)
            self.clock.advance(every)
        return made

    async def get(self, ticket: str) -> Ticket:
        async with self.database.read() as connection:
            return await self.store.get(connection, DEFAULT_WORKSPACE, ticket)  # type: ignore[arg-type]  # plain ids here
