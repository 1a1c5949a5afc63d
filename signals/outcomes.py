"""What became of signals, as sales and marketing say; in dispute, as whoever reviews it says.

Every function takes the connection of a running transaction. Reasons are encrypted.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import CustomerId, SignalId, WorkspaceId
from signals.connectors.connector import InboundOutcome, OutcomeKind
from signals.errors import NothingToDispute, OutcomeInvalid
from signals.policy import POLICIES
from signals.signal import Signal, SignalState
from signals.store import SignalStore
from store.encryption import Cipher
from store.tables import signal_outcomes as table
from store.tables import signals

REVIEW = "review"  # the source of an outcome that a review put in the place of a disputed one
_UPHELD, _OVERTURNED = "upheld", "overturned"


@dataclass(frozen=True, slots=True)
class NewOutcome:
    """What became of a signal. ``source`` is api, panel or a connector, ``external_id`` its id of the news.

    ``amount`` in ``currency`` (ISO 4217) is what was won or lost.
    """

    outcome: OutcomeKind
    source: str
    at: datetime
    amount: float | None = None
    currency: str | None = None
    reason: str | None = None
    who: str | None = None
    external_id: str | None = None

    @classmethod
    def of(cls, inbound: InboundOutcome, *, source: str) -> NewOutcome:
        """What the connector ``source`` brought back."""
        return cls(
            inbound.outcome,
            source,
            inbound.at,
            amount=inbound.amount,
            currency=inbound.currency,
            reason=inbound.reason,
            who=inbound.who,
            external_id=inbound.external_id,
        )


@dataclass(frozen=True, slots=True)
class Dispute:
    """Somebody says that an outcome is not so. ``upheld`` is what the review said of the outcome."""

    who: str
    reason: str
    at: datetime
    upheld: bool | None = None
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One outcome as it is kept. What is disputed counts nowhere until the review, what fell there never."""

    id: int
    signal_id: SignalId
    said: NewOutcome
    recorded_at: datetime
    dispute: Dispute | None = None

    @property
    def counts(self) -> bool:
        """Whether it says what became of the signal."""
        return self.dispute is None or self.dispute.upheld is True


class OutcomeStore:
    """Appends outcomes, and closes the signals that they settle."""

    def __init__(self, cipher: Cipher, store: SignalStore) -> None:
        self._cipher = cipher
        self._signals = store

    async def record(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        signal: SignalId,
        said: NewOutcome,
        *,
        at: datetime,
    ) -> tuple[Signal, Outcome]:
        """Store an outcome; gives it with the signal as it stands then.

        All but ``in_progress`` close the signal. News that was there already, by its source and external
        id, changes nothing. Raises ``UnknownSignal`` and ``OutcomeInvalid``.
        """
        _check(said, at=at)
        known = await self._signals.get(connection, workspace, signal, lock=True)
        upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        statement = upsert(table).values(
            workspace_id=workspace,
            signal_id=signal,
            outcome=said.outcome,
            amount=said.amount,
            currency=said.currency,
            reason=None if said.reason is None else self._cipher.encrypt(said.reason),
            who=said.who,
            source=said.source,
            external_id=said.external_id,
            at=said.at,
            recorded_at=at,
        )
        made = (await connection.execute(statement.on_conflict_do_nothing().returning(table.c.id))).scalar()
        if made is None:
            return known, await self._repeated(connection, workspace, signal, said)
        if said.outcome is not OutcomeKind.IN_PROGRESS:
            known = await self._signals.set_state(connection, known, SignalState.CLOSED, at=at)
        return known, Outcome(made, signal, said, at)

    async def of_signal(
        self, connection: AsyncConnection, workspace: WorkspaceId, signal: SignalId
    ) -> list[Outcome]:
        """Every outcome of the signal, the oldest first."""
        query = select(table).where(table.c.workspace_id == workspace, table.c.signal_id == signal)
        return [self._outcome(row) for row in await connection.execute(query.order_by(table.c.id))]

    async def of_signals(
        self, connection: AsyncConnection, workspace: WorkspaceId, ids: Collection[SignalId]
    ) -> dict[SignalId, list[Outcome]]:
        """The same of several signals, by their ids; none of a signal that has none."""
        query = select(table).where(table.c.workspace_id == workspace, table.c.signal_id.in_(ids))
        found: dict[SignalId, list[Outcome]] = {}
        for row in await connection.execute(query.order_by(table.c.id)):
            found.setdefault(SignalId(row.signal_id), []).append(self._outcome(row))
        return found

    async def dispute(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        signal: SignalId,
        *,
        who: str,
        reason: str,
        at: datetime,
    ) -> Outcome:
        """Say that the last outcome of the signal that counts is not so; until the review it counts nowhere.

        Raises ``UnknownSignal``, and ``NothingToDispute`` where there is none.
        """
        await self._signals.get(connection, workspace, signal, lock=True)
        last = settled(await self.of_signal(connection, workspace, signal))
        if last is None:
            raise NothingToDispute(f"Nobody has said yet what became of the signal {signal}.")
        disputed = replace(last, dispute=Dispute(who, reason, at))
        await connection.execute(
            update(table)
            .where(table.c.id == last.id)
            .values(
                disputed_at=at,
                disputed_by=who,
                dispute=self._cipher.encrypt(reason),
                verdict=None,
                reviewed_by=None,
                reviewed_at=None,
            )
        )
        return disputed

    async def review(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        signal: SignalId,
        *,
        who: str,
        became: OutcomeKind | None,
        at: datetime,
    ) -> Outcome:
        """End the dispute: the outcome stands, or ``became`` takes its place; gives the one that counts.

        Where the signal is in progress after all, it is open again unless a newer one of its kind is. Raises
        ``UnknownSignal`` and ``NothingToDispute``.
        """
        known = await self._signals.get(connection, workspace, signal, lock=True)
        found = await self.of_signal(connection, workspace, signal)
        disputed = next((one for one in reversed(found) if _is_open(one)), None)
        if disputed is None or disputed.dispute is None:
            raise NothingToDispute(f"Nobody disputes what became of the signal {signal}.")
        upheld = became is None or became is disputed.said.outcome
        dispute = replace(disputed.dispute, upheld=upheld, reviewed_by=who, reviewed_at=at)
        await connection.execute(
            update(table)
            .where(table.c.id == disputed.id)
            .values(verdict=_UPHELD if upheld else _OVERTURNED, reviewed_by=who, reviewed_at=at)
        )
        if upheld or became is None:
            return replace(disputed, dispute=dispute)
        said = replace(disputed.said, outcome=became, source=REVIEW, who=who, external_id=None, reason=None)
        if became in {OutcomeKind.NOISE, OutcomeKind.IN_PROGRESS}:
            said = replace(said, amount=None, currency=None)
        if became is OutcomeKind.IN_PROGRESS:
            await self._open_again(connection, known, at=at)
        _, stored = await self.record(connection, workspace, signal, said, at=at)
        return stored

    async def last_refusal(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: CustomerId
    ) -> datetime | None:
        """When a lead of the customer was lost last, by outcomes that count; none where none was."""
        query = (
            select(table)
            .join(signals, signals.c.id == table.c.signal_id)
            .where(
                table.c.workspace_id == workspace,
                signals.c.customer_id == customer,
                signals.c.kind.in_([kind for kind, policy in POLICIES.items() if policy.lead]),
                table.c.outcome == OutcomeKind.LOST,
            )
        )
        found = [self._outcome(row) for row in await connection.execute(query)]
        return max((one.said.at for one in found if one.counts), default=None)

    async def disputed(self, connection: AsyncConnection, workspace: WorkspaceId) -> list[Outcome]:
        """Every outcome that waits for its review, the oldest dispute first."""
        query = select(table).where(
            table.c.workspace_id == workspace, table.c.disputed_at.is_not(None), table.c.verdict.is_(None)
        )
        rows = await connection.execute(query.order_by(table.c.disputed_at, table.c.id))
        return [self._outcome(row) for row in rows]

    async def _open_again(self, connection: AsyncConnection, signal: Signal, *, at: datetime) -> None:
        newer = await self._signals.open_of(connection, signal.workspace_id, signal.customer_id, signal.kind)
        if newer is None:
            await self._signals.set_state(connection, signal, SignalState.OPEN, at=at)

    async def _repeated(
        self, connection: AsyncConnection, workspace: WorkspaceId, signal: SignalId, said: NewOutcome
    ) -> Outcome:
        query = select(table).where(
            table.c.workspace_id == workspace,
            table.c.source == said.source,
            table.c.external_id == said.external_id,
        )
        found = self._outcome((await connection.execute(query)).one())
        if found.signal_id != signal:
            raise OutcomeInvalid(
                f"{said.source} said {said.external_id} of the signal {found.signal_id} before."
            )
        return found

    def _outcome(self, row: Row[Any]) -> Outcome:
        said = NewOutcome(
            OutcomeKind(row.outcome),
            row.source,
            row.at,
            amount=row.amount,
            currency=row.currency,
            reason=None if row.reason is None else self._cipher.decrypt(row.reason),
            who=row.who,
            external_id=row.external_id,
        )
        return Outcome(row.id, SignalId(row.signal_id), said, row.recorded_at, self._dispute(row))

    def _dispute(self, row: Row[Any]) -> Dispute | None:
        if row.disputed_at is None:
            return None
        return Dispute(
            row.disputed_by,
            self._cipher.decrypt(row.dispute),
            row.disputed_at,
            None if row.verdict is None else row.verdict == _UPHELD,
            row.reviewed_by,
            row.reviewed_at,
        )


def settled(outcomes: list[Outcome]) -> Outcome | None:
    """The last of ``outcomes``, oldest first, that counts; one in progress only where no other does."""
    counting = [one for one in outcomes if one.counts]
    final = [one for one in counting if one.said.outcome is not OutcomeKind.IN_PROGRESS]
    return next(reversed(final or counting), None)


def _is_open(outcome: Outcome) -> bool:
    return outcome.dispute is not None and outcome.dispute.upheld is None


def _check(said: NewOutcome, *, at: datetime) -> None:
    if (said.amount is None) != (said.currency is None):
        raise OutcomeInvalid("An amount needs a currency, and a currency an amount.")
    if said.amount is not None and said.amount < 0:
        raise OutcomeInvalid("An amount is not less than nothing.")
    if said.outcome is OutcomeKind.NOISE and said.amount:
        raise OutcomeInvalid("Noise has no amount.")
    if said.at > at:
        raise OutcomeInvalid("It cannot have come to that later than now.")
