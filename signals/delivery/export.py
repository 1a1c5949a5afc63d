"""Signals as a file for people: rows of those customers alone who consent, as they are when it is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from customers import ConsentChannel, Purpose
from kit.clock import Clock
from kit.ids import CustomerId, WorkspaceId
from signals.connectors.connector import InboundOutcome
from signals.connectors.export import Exported, ExportFormat, ExportRow, export_signals
from signals.delivery.consent import purposes, refusal
from signals.delivery.recipients import Recipient, Recipients
from signals.outcomes import Outcome, OutcomeStore, settled
from signals.signal import Signal
from signals.store import SignalFilter, SignalStore
from store.engine import Database

_PAGE = 200  # signals whose consents are read together, a moment before their rows are written


class SignalExporter:
    """Writes files under the rules of consent that connectors have."""

    def __init__(
        self,
        database: Database,
        signals: SignalStore,
        outcomes: OutcomeStore,
        recipients: Recipients,
        clock: Clock,
    ) -> None:
        self._database = database
        self._signals = signals
        self._outcomes = outcomes
        self._recipients = recipients
        self._clock = clock

    async def write(
        self,
        workspace: WorkspaceId,
        path: Path,
        *,
        kind: ExportFormat,
        matching: SignalFilter | None = None,
        purpose: Purpose | None = None,
        channel: ConsentChannel = ConsentChannel.ANY,
        contacts: bool = False,
    ) -> Exported:
        """Write the signals that match, newest first; how many were written, and how many withheld.

        ``purpose`` is what the file is for, to be consented to besides the purpose of each signal's team, and
        ``channel`` the way people will be contacted. With ``contacts`` the customers' data are in it. Raises
        ``OSError``.
        """
        known: dict[CustomerId, Recipient] = {}

        async def rows() -> AsyncIterator[ExportRow]:
            before = None
            while True:
                async with self._database.read() as connection:
                    page = await self._signals.page(
                        connection, workspace, matching=matching or SignalFilter(), before=before, limit=_PAGE
                    )
                    known.clear()
                    known.update(await self._known(connection, workspace, page))
                    became = await self._outcomes.of_signals(connection, workspace, [one.id for one in page])
                for signal in page:
                    recipient = known.get(signal.customer_id)
                    contact = recipient.contact if recipient and contacts else None
                    yield ExportRow(signal, contact, _news(signal, became.get(signal.id, [])))
                if len(page) < _PAGE:
                    return
                before = page[-1].id

        async def allowed(row: ExportRow) -> bool:
            recipient, asked = known.get(row.signal.customer_id), purposes(row.signal.team, purpose)
            return refusal(recipient, asked, channel, at=self._clock.now()) is None

        return await export_signals(rows(), path, kind=kind, allowed=allowed)

    async def _known(
        self, connection: AsyncConnection, workspace: WorkspaceId, page: list[Signal]
    ) -> Mapping[CustomerId, Recipient]:
        return await self._recipients.of(connection, workspace, {one.customer_id for one in page})


def _news(signal: Signal, outcomes: list[Outcome]) -> InboundOutcome | None:
    last = settled(outcomes)
    if last is None:
        return None
    said = last.said
    return InboundOutcome(
        signal.id,
        said.outcome,
        said.external_id or str(last.id),
        said.at,
        amount=said.amount,
        currency=said.currency,
        reason=said.reason,
        who=said.who,
    )
