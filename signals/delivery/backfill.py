"""Stored signals told to a target at once, each under the rules of consent that deliveries have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kit.clock import Clock
from kit.errors import InvalidInput
from kit.ids import SignalId, WorkspaceId
from signals.connectors.backfill import BackfillTool
from signals.connectors.connector import Dispatch
from signals.delivery.consent import purposes, refusal, told_of_consent
from signals.delivery.delivery import delivery_key
from signals.delivery.recipients import Recipients
from signals.delivery.target import Target
from signals.families import heard_as
from signals.signal import Signal
from signals.store import SignalFilter, SignalStore
from store.engine import Database

_PAGE = 1000  # signals whose consents are read together, a moment before they are told


class BackfillImpossible(InvalidInput):
    """The connector tells one signal at a time only."""

    code = "backfill_impossible"


@dataclass(slots=True)
class BackfillResult:
    """What became of signals: ``withheld`` of who does not consent or is told of by another signal.

    In a dry run nothing is told: ``taken`` are those that would be.
    """

    taken: int = 0
    known: int = 0
    withheld: int = 0
    refused: dict[SignalId, str] = field(default_factory=dict)


class Backfiller:
    """Tells a target of signals that there were before it was on."""

    def __init__(
        self, database: Database, signals: SignalStore, recipients: Recipients, clock: Clock
    ) -> None:
        self._database = database
        self._signals = signals
        self._recipients = recipients
        self._clock = clock

    async def run(
        self,
        workspace: WorkspaceId,
        name: str,
        target: Target,
        *,
        matching: SignalFilter | None = None,
        dry_run: bool = False,
    ) -> BackfillResult:
        """Tell what matches and is routed to ``name``, the newest first.

        Raises ``BackfillImpossible``, ``DeliveryFailed`` and ``DeliveryRefused``; what was told before is
        told, and telling all again is safe.
        """
        tool = target.connector
        if not isinstance(tool, BackfillTool):
            raise BackfillImpossible(f"The connector {name} has no way for many signals at once.")
        result, before = BackfillResult(), None
        while True:
            async with self._database.read() as connection:
                page = await self._signals.page(
                    connection, workspace, matching=matching or SignalFilter(), before=before, limit=_PAGE
                )
            routed = [one for one in page if one.targets is None or name in one.targets]
            allowed = await self._allowed(workspace, routed, target)
            result.withheld += len(routed) - len(allowed)
            if dry_run:
                result.taken += len(allowed)
            elif allowed:
                said = await tool.backfill(allowed)
                result.taken += said.taken
                result.known += said.known
                result.refused |= said.refused
            if len(page) < _PAGE:
                return result
            before = page[-1].id

    async def _allowed(
        self, workspace: WorkspaceId, page: Sequence[Signal], target: Target
    ) -> list[Dispatch]:
        now, found = self._clock.now(), []
        async with self._database.read() as connection:
            known = await self._recipients.of(connection, workspace, {one.customer_id for one in page})
            for signal in page:
                recipient = known.get(signal.customer_id)
                asked = purposes(signal.team, target.purpose)
                refused = refusal(recipient, asked, target.channel, at=now)
                if recipient is None or refused is not None:
                    continue
                merged = recipient.contact.id != signal.customer_id
                if merged and await heard_as(connection, workspace, signal.id, at=now):
                    continue
                contact = told_of_consent(recipient, target.connector, at=now)
                key = delivery_key(signal.id, signal.revision)
                found.append(Dispatch(key, signal, contact, signal.updated_at))
        return found
