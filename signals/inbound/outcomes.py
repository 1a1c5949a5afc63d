"""An outcome that a target tells becomes one of the signal, with its connector as the source."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.errors import InvalidInput
from kit.ids import SignalId, WorkspaceId
from signals.connectors.connector import InboundOutcome, OutcomeKind
from signals.errors import UnknownSignal
from signals.inbound.news import NewsResult
from signals.inbound.store import Verdict
from signals.outcomes import NewOutcome, OutcomeStore
from signals.store import SignalStore
from store.tables import signals

_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 200  # characters of names and ids, as the columns have it
_LONGEST_REASON = 2000  # characters


class InboundOutcomes:
    """Records what became of signals, in the running transaction."""

    def __init__(self, store: SignalStore, outcomes: OutcomeStore) -> None:
        self._signals = store
        self._outcomes = outcomes

    async def workspace_of(self, connection: AsyncConnection, signal: SignalId) -> WorkspaceId | None:
        """Whose signal it is; none where there is no such."""
        if not _ID.fullmatch(signal):
            return None
        query = select(signals.c.workspace_id).where(signals.c.id == signal)
        found = (await connection.execute(query)).scalar_one_or_none()
        return None if found is None else WorkspaceId(found)

    async def take(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        connector: str,
        news: InboundOutcome,
        *,
        at: datetime,
    ) -> Verdict:
        """What came of ``news``. A target that says again what it said last has said nothing."""
        if not _ID.fullmatch(news.signal_id):
            return Verdict(NewsResult.UNMATCHED, UnknownSignal.code, "What it names is no id of a signal.")
        said = presentable(news, source=connector, now=at)
        try:
            await self._signals.get(connection, workspace, news.signal_id, lock=True)
            if await self._is_known(connection, workspace, news.signal_id, said):
                return Verdict(NewsResult.REPEATED, signal=news.signal_id)
            await self._outcomes.record(connection, workspace, news.signal_id, said, at=at)
        except UnknownSignal as error:
            return Verdict(NewsResult.UNMATCHED, error.code, error.detail)
        except InvalidInput as error:
            return Verdict(NewsResult.REFUSED, error.code, error.detail, signal=news.signal_id)
        return Verdict(NewsResult.TAKEN, signal=news.signal_id)

    async def _is_known(
        self, connection: AsyncConnection, workspace: WorkspaceId, signal: SignalId, said: NewOutcome
    ) -> bool:
        """Whether ``said`` is what its source said of the signal last, but for when and by whom.

        A deal that was won changes for many reasons. Each time it would be news that it was won, and count
        again after somebody disputed it.
        """
        before = await self._outcomes.of_signal(connection, workspace, signal)
        last = next((one.said for one in reversed(before) if one.said.source == said.source), None)
        return last is not None and last == replace(
            said, at=last.at, who=last.who, external_id=last.external_id
        )


def presentable(news: InboundOutcome, *, source: str, now: datetime) -> NewOutcome:
    """``news`` as it can be recorded: nothing of it is dropped that can be told in words.

    A moment ahead of ``now`` is taken as now: clocks differ. An amount that cannot be one (noise, less than
    nothing, without a currency) goes into the reason.
    """
    said = NewOutcome.of(news, source=source)
    amount, currency = said.amount, said.currency
    counts = (
        amount is not None
        and math.isfinite(amount)
        and amount >= 0
        and said.outcome is not OutcomeKind.NOISE
        and _CURRENCY.fullmatch(currency or "") is not None
    )
    reason = said.reason
    if amount is not None and not counts:
        told = f"amount {amount:g} {currency or 'without a currency'}"
        reason = f"{reason}; {told}" if reason else told
    return replace(
        said,
        at=min(said.at, now),
        amount=amount if counts else None,
        currency=currency if counts else None,
        reason=None if reason is None else reason[:_LONGEST_REASON],
        who=None if said.who is None else _CONTROL.sub("", said.who)[:_LONGEST],
        external_id=None if said.external_id is None else _CONTROL.sub("", said.external_id)[:_LONGEST],
    )
