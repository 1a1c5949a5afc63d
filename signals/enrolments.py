"""Who is in which sequence, in the database; entering and leaving are told in the same transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.rows import family
from kit.ids import CustomerId, SignalId, WorkspaceId, new_id
from signals.brand.brands import Brands, texts_of_sequence
from signals.connectors.connector import OutcomeKind
from signals.customer import KnownCustomer
from signals.nurture import (
    CommandKind,
    Enrolment,
    NurtureCommand,
    NurtureOutbox,
    NurtureRules,
    NurtureSequence,
    choose,
)
from signals.signal import Signal
from store.tables import customers
from store.tables import nurture_enrolments as table

EXPIRED = "expired"
NO_CONSENT = "no_consent"


class Nurture:
    """Enrols by signals and takes out by outcomes. Without ``outbox`` whoever executes reads the enrolments.

    Nobody enters a sequence of which a step says what ``brands`` do not approve. Every function takes the
    connection of a running transaction.
    """

    def __init__(
        self, rules: NurtureRules, outbox: NurtureOutbox | None = None, *, brands: Brands | None = None
    ) -> None:
        self._rules = rules
        self._brands = brands or Brands()
        self._sequences = {one.name: one for one in rules.sequences}
        self._outbox = outbox

    async def heard(
        self, connection: AsyncConnection, customer: KnownCustomer, signal: Signal, *, at: datetime
    ) -> Enrolment | None:
        """Enrol the customer by ``signal``, if a sequence fits, they consented, and the cap allows it."""
        if not customer.may_be_nurtured:
            return None
        await self._lock(connection, customer.id)
        past = await self.of_customer(connection, signal.workspace_id, customer.id)

        def is_sayable(sequence: NurtureSequence) -> bool:
            texts = texts_of_sequence(sequence)
            return not any(self._brands.check(signal.workspace_id, one.text, at=at) for one in texts)

        chosen = choose(self._rules, signal, customer.facts, past=past, at=at, is_sayable=is_sayable)
        if chosen is None:
            return None
        enrolment = Enrolment(
            id=new_id("enr"),
            workspace_id=signal.workspace_id,
            customer_id=customer.id,
            signal_id=signal.id,
            sequence=chosen.name,
            target=chosen.target,
            journey=chosen.journey,
            enrolled_at=at,
        )
        values = {column.name: getattr(enrolment, column.name) for column in table.c}
        await connection.execute(insert(table).values(values))
        await self._tell(connection, NurtureCommand(CommandKind.ENROL, enrolment))
        return enrolment

    async def settled(
        self, connection: AsyncConnection, signal: Signal, outcome: OutcomeKind, *, at: datetime
    ) -> list[Enrolment]:
        """Take the customer out of what ``signal`` enrolled them in and leaves on ``outcome``."""
        found = await self._find(
            connection, table.c.workspace_id == signal.workspace_id, table.c.signal_id == signal.id
        )
        leaving = [
            one
            for one in found
            if one.sequence not in self._sequences or outcome in self._sequences[one.sequence].leave_on
        ]
        return [await self._leave(connection, one, str(outcome), at) for one in leaving]

    async def consent_withdrawn(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId, *, at: datetime
    ) -> list[Enrolment]:
        """Take a customer, and whoever was merged into them, out of everything."""
        whom = await family(connection, workspace, customer)
        found = await self._find(connection, table.c.workspace_id == workspace, table.c.customer_id.in_(whom))
        return [await self._leave(connection, one, NO_CONSENT, at) for one in found]

    async def expire(
        self, connection: AsyncConnection, workspace: WorkspaceId, *, at: datetime
    ) -> list[Enrolment]:
        """Take out everybody whose sequence is over, or is not in the rules any more."""
        found = await self._find(connection, table.c.workspace_id == workspace)
        over = [one for one in found if self._is_over(one, at)]
        return [await self._leave(connection, one, EXPIRED, at) for one in over]

    async def of_customer(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> list[Enrolment]:
        """Every enrolment of the customer and of those in it, those that were left too, the oldest first.

        The cap counts them together: their messages come to one address.
        """
        return await enrolments_of(connection, workspace, await family(connection, workspace, customer))

    async def _find(self, connection: AsyncConnection, *where: Any) -> list[Enrolment]:  # noqa: ANN401
        query = select(table).where(table.c.left_at.is_(None), *where).order_by(table.c.id)
        return [_enrolment(row) for row in await connection.execute(query.with_for_update())]

    async def _leave(
        self, connection: AsyncConnection, enrolment: Enrolment, because: str, at: datetime
    ) -> Enrolment:
        left = replace(enrolment, left_at=at, left_because=because)
        await connection.execute(
            update(table).where(table.c.id == left.id).values(left_at=at, left_because=because)
        )
        await self._tell(connection, NurtureCommand(CommandKind.LEAVE, left))
        return left

    async def _tell(self, connection: AsyncConnection, command: NurtureCommand) -> None:
        if self._outbox is not None:
            await self._outbox.put(connection, command)

    async def _lock(self, connection: AsyncConnection, customer: CustomerId) -> None:
        """Let nobody else enrol the customer until the transaction ends: the cap counts."""
        await connection.execute(
            select(customers.c.id).where(customers.c.id == customer).with_for_update(key_share=True)
        )

    def _is_over(self, enrolment: Enrolment, at: datetime) -> bool:
        sequence = self._sequences.get(enrolment.sequence)
        return sequence is None or at - enrolment.enrolled_at >= timedelta(days=sequence.days)


async def enrolment_of(connection: AsyncConnection, workspace: WorkspaceId, name: str) -> Enrolment | None:
    """The enrolment of that id; none where there is no such."""
    query = select(table).where(table.c.workspace_id == workspace, table.c.id == name)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _enrolment(row)


async def enrolments_of(
    connection: AsyncConnection, workspace: WorkspaceId, whom: Collection[CustomerId]
) -> list[Enrolment]:
    """Every enrolment of ``whom``, those that were left too, the oldest first."""
    query = select(table).where(table.c.workspace_id == workspace, table.c.customer_id.in_(whom))
    return [_enrolment(row) for row in await connection.execute(query.order_by(table.c.id))]


def _enrolment(row: Row[Any]) -> Enrolment:
    return Enrolment(
        id=row.id,
        workspace_id=WorkspaceId(row.workspace_id),
        customer_id=CustomerId(row.customer_id),
        signal_id=SignalId(row.signal_id),
        sequence=row.sequence,
        target=row.target,
        journey=row.journey,
        enrolled_at=row.enrolled_at,
        left_at=row.left_at,
        left_because=row.left_because,
    )
