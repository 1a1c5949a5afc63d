"""Signals of customers who became one, and of those who were two after all."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from customers import Merge
from customers.rows import family, living
from kit.ids import ConversationId, CustomerId, SignalId, WorkspaceId
from signals.customer import Customers
from signals.outbox import Outbox
from signals.signal import Signal, SignalState, Stated
from signals.store import SignalStore, new_signal_id
from store.tables import customers, deliveries, messages, signal_sightings, signals, tickets

HEARD_AS_ANOTHER = "heard_as_another"  # why a signal of a merged customer is not told


async def heard_as(
    connection: AsyncConnection, workspace: WorkspaceId, signal: SignalId, *, at: datetime
) -> SignalId | None:
    """The signal that is told in place of an open one of the same kind, where customers became one.

    It is the survivor's own, else the eldest: two would be two tasks of one contact. None where ``signal`` is
    told itself. It follows from the rows alone, so that taking the customers apart ends it.
    """
    root = func.coalesce(customers.c.survivor_id, customers.c.id).label("root")
    asked = (
        select(signals.c.kind, root)
        .join(customers, customers.c.id == signals.c.customer_id)
        .where(
            signals.c.workspace_id == workspace,
            signals.c.id == signal,
            signals.c.state == SignalState.OPEN,
        )
    )
    row = (await connection.execute(asked)).one_or_none()
    if row is None:
        return None
    members = select(customers.c.id).where(
        customers.c.workspace_id == workspace,
        or_(customers.c.id == row.root, customers.c.survivor_id == row.root),
    )
    open_ones = select(signals.c.id, signals.c.customer_id).where(
        signals.c.workspace_id == workspace,
        signals.c.customer_id.in_(members),
        signals.c.kind == row.kind,
        signals.c.state == SignalState.OPEN,
        signals.c.expires_at > at,
    )
    rivals = (await connection.execute(open_ones)).all()
    told = min(rivals, key=lambda one: (one.customer_id != row.root, one.id), default=None)
    return None if told is None or told.id == signal else SignalId(told.id)


@dataclass(frozen=True, slots=True)
class _Case:
    """Two sides that were one since ``since``: signals of one side may quote the ``others``."""

    connection: AsyncConnection
    workspace: WorkspaceId
    others: frozenset[CustomerId]
    since: datetime
    at: datetime


class Families:
    """Gives signals back that were heard while two customers were one."""

    def __init__(self, store: SignalStore, customers: Customers, outbox: Outbox | None) -> None:
        self._store = store
        self._customers = customers
        self._outbox = outbox

    async def taken_apart(
        self, connection: AsyncConnection, workspace: WorkspaceId, merge: Merge, *, at: datetime
    ) -> list[Signal]:
        """Let each of the two have what they wrote themselves, after ``merge`` was undone; what changed.

        Who wrote follows from the names that a conversation or ticket was written under. Where a signal
        quotes the other, the other gets one of its own with the quotes, and it loses them, at targets too;
        it expires where nothing else was heard. What the merge kept from being told is told.
        """
        root = CustomerId((await living(connection, workspace, merge.survivor)).id)
        sides = [frozenset(await family(connection, workspace, one)) for one in (root, merge.absorbed)]
        changed: list[Signal] = []
        for side, others in (sides, sides[::-1]):
            case = _Case(connection, workspace, others, merge.at, at)
            for signal in await self._heard_since(case, side):
                changed += await self._sort(case, signal)
            changed += await self._kept_back(case, side, {one.id for one in changed})
        if self._outbox is not None:
            for signal in {one.id: one for one in changed}.values():
                await self._outbox.put(connection, signal)
        return changed

    async def _heard_since(self, case: _Case, side: Collection[CustomerId]) -> list[Signal]:
        query = select(signals.c.id).where(
            signals.c.workspace_id == case.workspace,
            signals.c.customer_id.in_(side),
            signals.c.updated_at >= case.since,
        )
        found = (await case.connection.execute(query.order_by(signals.c.id))).scalars().all()
        return [
            await self._store.get(case.connection, case.workspace, SignalId(one), lock=True) for one in found
        ]

    async def _sort(self, case: _Case, signal: Signal) -> list[Signal]:
        """``signal`` without what the others wrote, and their own with it; nothing where all is its own."""
        writer = await self._customers.writer(
            case.connection, case.workspace, conversation=signal.conversation_id, ticket=signal.ticket_id
        )
        sightings = await self._sightings(case, signal)
        theirs = await self._theirs(case, [row.origin for row in sightings])
        quotes_them = writer in case.others
        stated = [one for one in signal.stated if _is_of(one, theirs, else_=quotes_them)]
        if not quotes_them and not stated:
            return []
        own = tuple(one for one in signal.stated if one not in stated)
        if not quotes_them or writer is None:
            left = replace(signal, stated=own, revision=signal.revision + 1, updated_at=case.at)
            await self._store.change(case.connection, left)
            return [left]
        left = _without_quotes(signal, own, [row for row in sightings if row.origin not in theirs], case.at)
        await self._store.change(case.connection, left)
        moved = [row for row in sightings if row.origin in theirs]
        taken = replace(
            signal,
            id=new_signal_id(),
            customer_id=writer,
            stated=tuple(stated),
            occurrences=max(1, len(moved)),
            revision=1,
            created_at=min((row.seen_at for row in moved), default=signal.updated_at),
        )
        return [left, await self._hand_over(case, signal, taken, sorted(theirs))]

    async def _hand_over(self, case: _Case, signal: Signal, taken: Signal, origins: list[str]) -> Signal:
        if taken.state is SignalState.OPEN:
            taken = await self._store.put(case.connection, taken, origin=origins[0] if origins else "")
        else:
            await self._store.add(case.connection, taken)
        await case.connection.execute(
            update(signal_sightings)
            .where(signal_sightings.c.signal_id == signal.id, signal_sightings.c.origin.in_(origins))
            .values(signal_id=taken.id)
        )
        return taken

    async def _sightings(self, case: _Case, signal: Signal) -> list[Row[tuple[str, float, datetime]]]:
        seen = signal_sightings.c
        query = select(seen.origin, seen.probability, seen.seen_at).where(seen.signal_id == signal.id)
        return list(await case.connection.execute(query))

    async def _theirs(self, case: _Case, origins: Iterable[str]) -> set[str]:
        """Those of ``origins`` (messages, tickets) that the others wrote."""
        wanted = list(origins)
        places: dict[str, tuple[ConversationId | None, str | None]] = {}
        said = select(messages.c.id, messages.c.conversation_id).where(messages.c.id.in_(wanted))
        for row in await case.connection.execute(said):
            places[row.id] = (ConversationId(row.conversation_id), None)
        for ticket in (
            await case.connection.execute(select(tickets.c.id).where(tickets.c.id.in_(wanted)))
        ).scalars():
            places[ticket] = (None, ticket)
        writers = {
            place: await self._customers.writer(
                case.connection, case.workspace, conversation=place[0], ticket=place[1]
            )
            for place in set(places.values())
        }
        return {origin for origin, place in places.items() if writers[place] in case.others}

    async def _kept_back(
        self, case: _Case, side: Collection[CustomerId], told: Collection[SignalId]
    ) -> list[Signal]:
        """Open signals of ``side`` that were not told because another was, one revision on."""
        query = (
            select(signals.c.id)
            .join(
                deliveries,
                (deliveries.c.signal_id == signals.c.id) & (deliveries.c.revision == signals.c.revision),
            )
            .where(
                signals.c.workspace_id == case.workspace,
                signals.c.customer_id.in_(side),
                signals.c.state == SignalState.OPEN,
                deliveries.c.error_code == HEARD_AS_ANOTHER,
            )
        )
        found = []
        for name in sorted(set((await case.connection.execute(query)).scalars()) - set(told)):
            signal = await self._store.get(case.connection, case.workspace, SignalId(name), lock=True)
            again = replace(signal, revision=signal.revision + 1, updated_at=case.at)
            await self._store.change(case.connection, again)
            found.append(again)
        return found


def _is_of(stated: Stated, origins: Collection[str], *, else_: bool) -> bool:
    """Whether it was said in one of ``origins``; of a ticket's text, which has no message, ``else_``."""
    return else_ if stated.message_id is None else stated.message_id in origins


def _without_quotes(
    signal: Signal, stated: tuple[Stated, ...], own: list[Row[tuple[str, float, datetime]]], at: datetime
) -> Signal:
    """``signal`` as its ``own`` sightings have it; their words were given up for surer ones."""
    return replace(
        signal,
        evidence=(),
        stated=stated,
        conversation_id=None,
        ticket_id=None,
        link=None,
        probability=max((row.probability for row in own), default=signal.probability),
        occurrences=max(1, len(own)),
        revision=signal.revision + 1,
        updated_at=at,
        state=SignalState.EXPIRED if signal.state is SignalState.OPEN and not own else signal.state,
    )
