"""Contacts out of stored tickets, by what people, rules and models call them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select

from insights.contact import Contact, ContactKind, Heard, Turn
from insights.conversations import PAGE, intent_of, is_unhappy
from insights.persons import Persons
from insights.week import Period
from kit.ids import WorkspaceId
from store.encryption import Cipher
from store.engine import Database
from store.tables import tickets
from triage.corrections import LabelKind
from triage.examples import OUT_OF_SCOPE
from triage.labels import Origin
from triage.stored_labels import told, triage_of

# Facts of a ticket that say who wrote it, each with its kind.
_NAMING = {"email": "email", "phone": "phone", "name": "name", "customer_number": "account"}


class TicketReader:
    """Reads tickets that customers wrote; mail of machines is left out.

    Without ``persons`` nothing is asked about customers: for counting, not for quoting.
    """

    def __init__(self, database: Database, cipher: Cipher, persons: Persons | None) -> None:
        self._database = database
        self._cipher = cipher
        self._persons = persons

    async def pages(self, workspace: WorkspaceId, period: Period) -> AsyncIterator[list[Contact]]:
        """Tickets that came in during ``period``, page by page."""
        after = ""
        while True:
            query = (
                select(tickets)
                .where(
                    tickets.c.workspace_id == workspace,
                    tickets.c.created_at >= period.start,
                    tickets.c.created_at < period.end,
                    tickets.c.id > after,
                )
                .order_by(tickets.c.id)
                .limit(PAGE)
            )
            personal = {}
            async with self._database.read() as connection:
                rows = (await connection.execute(query)).all()
                if self._persons is not None:
                    for row in rows:
                        personal[row.id] = await self._persons.personal(
                            connection, workspace, ContactKind.TICKET, row.id
                        )
            if not rows:
                return
            after = rows[-1].id
            yield await asyncio.to_thread(self._contacts, rows, personal)

    def _contacts(self, rows: Sequence[Row[Any]], personal: Mapping[str, Mapping[str, str]]) -> list[Contact]:
        return [
            Contact(
                kind=ContactKind.TICKET,
                id=row.id,
                channel=row.channel,
                at=row.created_at,
                turns=(turn,),
                personal={**_facts(row.customer), **personal.get(row.id, {})},
            )
            for row in rows
            if (turn := self._turn(row)) is not None
        ]

    def _turn(self, row: Row[Any]) -> Turn | None:
        text = self._cipher.decrypt(row.text) or self._cipher.decrypt(row.subject)
        if "origin" not in row.labels:  # nobody has triaged it
            return Turn(row.id, text, row.created_at, intent=row.final_labels.get(LabelKind.INTENT))
        called = told(row.labels, row.final_labels)
        if called["origin"] != Origin.CUSTOMER:
            return None
        triage = triage_of(row.labels)
        corrected = row.final_labels.get(LabelKind.INTENT)
        intent = intent_of(triage) if corrected is None else corrected
        return Turn(
            row.id,
            text,
            row.created_at,
            intent=None if intent == OUT_OF_SCOPE else intent,
            sentiment=triage.sentiment_score,
            is_unhappy=is_unhappy(triage),
            signals=_signals(row.labels, row.final_labels, called["signals"]),
        )


def _signals(
    labels: Mapping[str, Any], final_labels: Mapping[str, Any], held: Sequence[str]
) -> dict[str, Heard]:
    """Every signal that the ticket has, as sure as models are of it, and wholly where people say so."""
    read = {one["name"]: one for one in labels.get("signals", ())}
    said = final_labels.get(LabelKind.SIGNAL, {})
    return {
        name: Heard(
            1.0 if name in said else read[name]["probability"],
            tuple((one["start"], one["end"]) for one in read.get(name, {}).get("evidence", ())),
        )
        for name in held
    }


def _facts(customer: Mapping[str, Any]) -> dict[str, str]:
    return {str(customer[name]): kind for name, kind in _NAMING.items() if customer.get(name)}
