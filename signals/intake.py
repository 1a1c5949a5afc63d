"""A triaged message of a known customer becomes signals, in the transaction that stores what triage says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from customers import Merge
from kit.ids import WorkspaceId
from signals.behaviour import BehaviourRules
from signals.customer import Contact, Customers, KnownCustomer
from signals.detection import Detected, Heard, detect
from signals.enrolments import Nurture
from signals.families import Families
from signals.outbox import Outbox
from signals.policy import POLICIES
from signals.qualification import stated
from signals.routing import SignalRules, route, routed
from signals.scoring import Scoring, score_lead
from signals.signal import Signal, Stated
from signals.store import SignalStore, new_signal_id
from signals.thresholds import ThresholdStore
from signals.worth.circumstances import Circumstances
from signals.worth.worth_filter import Weighed, WorthFilter


@dataclass(frozen=True, slots=True)
class _Case:
    """What one hearing is about, and the transaction that it is stored in."""

    connection: AsyncConnection
    workspace: WorkspaceId
    customer: KnownCustomer
    at: datetime


class SignalIntake:
    """Detects, scores, routes, stores and puts into the outbox; knows nobody who delivers.

    ``outbox`` is none where nobody is to be told, ``nurture`` where nobody is enrolled in sequences,
    ``worth`` where nothing is learnt from outcomes.
    """

    def __init__(
        self,
        store: SignalStore,
        customers: Customers,
        *,
        rules: SignalRules,
        scoring: Scoring,
        behaviour: BehaviourRules,
        outbox: Outbox | None = None,
        nurture: Nurture | None = None,
        worth: WorthFilter | None = None,
    ) -> None:
        self._store = store
        self._thresholds = ThresholdStore()
        self._customers = customers
        self._rules = rules
        self._scoring = scoring
        self._behaviour = behaviour
        self._outbox = outbox
        self._nurture = nurture
        self._worth = worth

    async def take(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        customer: KnownCustomer,
        heard: Heard,
        *,
        at: datetime,
    ) -> list[Signal]:
        """The signals of a message, and of what the customer did up to it, as they stand then.

        The message joins the customer's timeline. Of one that was taken before, by whoever, nothing comes
        again.
        """
        wrote = Contact(heard.origin, at, heard.triage.sentiment_score, heard.conversation_id)
        await self._customers.wrote(connection, workspace, customer.id, wrote)
        thresholds = await self._thresholds.current(connection, workspace)
        case = _Case(connection, workspace, customer, at)
        said = stated(heard, today=at.date())
        found = [
            await self._raise(case, one, heard=heard, said=said if POLICIES[one.found.kind].lead else ())
            for one in await self._weighed(case, detect(heard, thresholds), heard)
        ]
        said_so = [signal for signal in found if signal is not None]
        seen = await self.look_back(connection, workspace, customer, at=at)
        return sorted(said_so, key=lambda signal: -signal.probability) + seen

    async def look_back(
        self, connection: AsyncConnection, workspace: WorkspaceId, customer: KnownCustomer, *, at: datetime
    ) -> list[Signal]:
        """The signals of what the customer did over time; for events that come without a message."""
        if not self._behaviour.rules:
            return []
        since = at - self._behaviour.looks_back
        moments = await self._customers.moments(connection, workspace, customer.id, since=since)
        thresholds = await self._thresholds.current(connection, workspace)
        case = _Case(connection, workspace, customer, at)
        seen = [
            one for one in self._behaviour.detect(moments, at=at) if one.probability >= thresholds[one.kind]
        ]
        found = [await self._raise(case, one) for one in await self._weighed(case, seen, None)]
        return [signal for signal in found if signal is not None]

    async def taken_apart(
        self, connection: AsyncConnection, workspace: WorkspaceId, merge: Merge, *, at: datetime
    ) -> list[Signal]:
        """Give back what was heard while two customers were one; see ``Families``."""
        families = Families(self._store, self._customers, self._outbox)
        return await families.taken_apart(connection, workspace, merge, at=at)

    async def _weighed(
        self, case: _Case, found: Iterable[Detected], heard: Heard | None
    ) -> Sequence[Weighed]:
        """What of ``found`` is to be told, in an order that does not depend on what was found.

        By kind: two transactions that lock signals of one customer do it in the same order.
        """
        ordered = sorted(found, key=lambda one: one.kind)
        if self._worth is None:
            return [Weighed(one, Circumstances(one.probability, one.source)) for one in ordered]
        return await self._worth.weigh(
            case.connection, case.workspace, ordered, known=case.customer.facts, heard=heard
        )

    async def _raise(
        self, case: _Case, weighed: Weighed, *, heard: Heard | None = None, said: tuple[Stated, ...] = ()
    ) -> Signal | None:
        found = weighed.found
        first = await self._store.claim(
            case.connection,
            case.workspace,
            found.kind,
            found.origin,
            probability=found.probability,
            at=case.at,
        )
        if not first:
            return None
        signal = Signal(
            id=new_signal_id(),
            workspace_id=case.workspace,
            customer_id=case.customer.id,
            kind=found.kind,
            probability=found.probability,
            evidence=found.quotes,
            source=found.source,
            model=found.model,
            team=self._rules.teams[found.kind],
            created_at=case.at,
            updated_at=case.at,
            expires_at=case.at + POLICIES[found.kind].lasts,
            conversation_id=None if heard is None else heard.conversation_id,
            ticket_id=None if heard is None else heard.ticket_id,
            link=None if heard is None else heard.link,
            stated=said,
        )
        stored = await self._store.put(
            case.connection,
            signal,
            origin=found.origin,
            finish=lambda merged: self._finish(merged, case, weighed),
        )
        if self._worth is not None:
            await self._worth.told(case.connection, stored, weighed, at=case.at)
        if self._outbox is not None:
            await self._outbox.put(case.connection, stored)
        if self._nurture is not None:
            await self._nurture.heard(case.connection, case.customer, stored, at=case.at)
        return stored

    def _finish(self, signal: Signal, case: _Case, weighed: Weighed) -> Signal:
        """``signal`` scored and routed, with the reasons in that order."""
        facts, because = case.customer.facts, weighed.found.because
        why = (*(() if because is None else (f"{signal.source}: {because}",)), *weighed.why)
        scored = replace(signal, why=why)
        lead = score_lead(self._scoring, signal, facts, at=case.at)
        if lead is not None:
            scored = replace(
                scored, score=lead.score, qualification=lead.qualification, why=(*why, *lead.lines())
            )
        return routed(scored, route(self._rules, scored, facts, at=case.at))
