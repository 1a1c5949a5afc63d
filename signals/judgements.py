"""Signals with what became of them: for reports, for thresholds, and as rows to learn from.

Every function takes the connection of a running transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.errors import InvalidInput
from kit.ids import MessageId, SignalId, WorkspaceId
from signals.outcomes import Outcome, OutcomeStore, settled
from signals.precision import Judged
from signals.signal import Signal, SignalKind
from signals.store import SignalFilter, SignalStore
from signals.thresholds import ThresholdStore
from signals.tuning import WINDOW, Tuned, tune
from signals.worth.worth_store import learnt_kinds
from store.encryption import Cipher
from store.tables import messages, tickets

_PAGE = 500
TUNED = "outcomes"  # who changed a threshold that outcomes moved


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """What a detector can learn from: whether ``text`` meant ``kind`` in the end (``right``).

    ``text`` are the messages that were quoted, whole, as the customer wrote them: whoever keeps such rows
    has to erase them with the customer.
    """

    signal_id: SignalId
    kind: SignalKind
    text: str
    right: bool
    outcome: str
    probability: float
    model: str
    settled_at: datetime


class Judgements:
    """Reads what became of signals, and lets thresholds follow."""

    def __init__(self, cipher: Cipher, signals: SignalStore, outcomes: OutcomeStore) -> None:
        self._cipher = cipher
        self._signals = signals
        self._outcomes = outcomes
        self.thresholds = ThresholdStore()

    async def judged(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        *,
        since: datetime | None = None,
        kind: SignalKind | None = None,
    ) -> list[Judged]:
        """Every signal that was raised ``since``, newest first, with what became of it."""
        matching = SignalFilter(kind=kind, since=since)
        return [one async for page in self._pages(connection, workspace, matching) for one in page]

    async def tune(
        self, connection: AsyncConnection, workspace: WorkspaceId, *, target: float, at: datetime
    ) -> list[Tuned]:
        """Move each threshold as outcomes say, see ``signals.tuning``; gives what each came to.

        ``target`` is the precision that the operator asks for, in (0, 1). Raises ``InvalidInput`` beyond.
        """
        if not 0 < target < 1:
            raise InvalidInput("The precision to aim at lies between 0 and 1.")
        thresholds = await self.thresholds.current(connection, workspace)
        moved = {change.kind: change.at for change in await self.thresholds.history(connection, workspace)}
        news = [
            one
            for one in await self.judged(connection, workspace, since=at - WINDOW)
            if one.recorded_at is not None
            and (one.signal.kind not in moved or one.recorded_at > moved[one.signal.kind])
        ]
        learnt = await learnt_kinds(connection, workspace)
        found = tune(news, thresholds, target=target, learnt=learnt)
        for one in found:
            if one.changed:
                await self.thresholds.change(
                    connection,
                    workspace,
                    one.kind,
                    one.after,
                    who=TUNED,
                    because=one.because(target),
                    at=at,
                )
        return found

    async def training_rows(
        self, connection: AsyncConnection, workspace: WorkspaceId, *, since: datetime | None = None
    ) -> list[TrainingRow]:
        """A row for each settled signal that was read from words, newest first."""
        rows: list[TrainingRow] = []
        async for page in self._pages(connection, workspace, SignalFilter(since=since)):
            known = [one for one in page if one.right is not None]
            texts = await self.texts(connection, workspace, [one.signal for one in known])
            rows += [
                _row(one, "\n".join(texts[one.signal.id].values())) for one in known if one.signal.id in texts
            ]
        return rows

    async def _pages(
        self, connection: AsyncConnection, workspace: WorkspaceId, matching: SignalFilter
    ) -> AsyncIterator[list[Judged]]:
        before = None
        while True:
            page = await self._signals.page(
                connection, workspace, matching=matching, before=before, limit=_PAGE
            )
            if not page:
                return
            found = await self._outcomes.of_signals(connection, workspace, [signal.id for signal in page])
            yield [_judged(signal, found.get(signal.id, [])) for signal in page]
            before = page[-1].id

    async def texts(
        self, connection: AsyncConnection, workspace: WorkspaceId, signals: Collection[Signal]
    ) -> Mapping[SignalId, Mapping[MessageId | None, str]]:
        """What was read, by the signal and the message: those that it quotes, or its ticket (of no id).

        A signal of behaviour has none.
        """
        quoted = {quote.message_id for signal in signals for quote in signal.evidence}
        said = await connection.execute(
            select(messages.c.id, messages.c.text).where(
                messages.c.workspace_id == workspace, messages.c.id.in_([one for one in quoted if one])
            )
        )
        written = await connection.execute(
            select(tickets.c.id, tickets.c.text).where(
                tickets.c.workspace_id == workspace,
                tickets.c.id.in_([signal.ticket_id for signal in signals if signal.ticket_id]),
            )
        )
        texts = {str(row.id): self._cipher.decrypt(row.text) for row in (*said, *written)}
        found: dict[SignalId, dict[MessageId | None, str]] = {}
        for signal in signals:
            ids = dict.fromkeys(quote.message_id for quote in signal.evidence if quote.message_id)
            own: dict[MessageId | None, str] = {one: texts[one] for one in ids if one in texts}
            if signal.ticket_id in texts:
                own[None] = texts[signal.ticket_id]
            if own:
                found[signal.id] = own
        return found


def _judged(signal: Signal, outcomes: list[Outcome]) -> Judged:
    disputed = any(one.dispute is not None and one.dispute.upheld is None for one in outcomes)
    last = settled(outcomes)
    if last is None:
        return Judged(signal, None, disputed=disputed)
    said = last.said
    return Judged(
        signal, said.outcome, said.at, said.amount, said.currency, disputed, recorded_at=last.recorded_at
    )


def _row(judged: Judged, text: str) -> TrainingRow:
    assert judged.right is not None
    assert judged.outcome is not None
    assert judged.recorded_at is not None
    signal = judged.signal
    return TrainingRow(
        signal.id,
        signal.kind,
        text,
        judged.right,
        str(judged.outcome),
        signal.probability,
        signal.model,
        judged.recorded_at,
    )
