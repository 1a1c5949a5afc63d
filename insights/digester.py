"""Makes the digest of a week from what is stored; nothing of it is kept, so that what is erased is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from inference.embeddings import Encoder, Vector
from insights.campaigns import Campaign, effects
from insights.contact import Contact
from insights.contacts import Contacts
from insights.digest import Digest, Refusal, Service, Survey
from insights.gaps import gaps
from insights.growth import growths
from insights.history import WEEKS, Counts, weeks_before
from insights.market import Rivals, competitors, objections, wishes
from insights.quotes import Quoter, anonymous
from insights.service import service
from insights.themes import themes
from insights.voice import surveys_of, voice
from insights.week import Period, Week
from kit.clock import Clock
from kit.ids import CustomerId, WorkspaceId
from retrieval import Retriever
from signals.connectors.connector import OutcomeKind
from signals.thresholds import ThresholdStore
from store.encryption import Cipher
from store.engine import Database
from store.tables import signal_outcomes, signals
from triage.routing import Router

_REFUSALS = 6
_FEW = 30  # contacts: below, a week says little
KnownVectors = Callable[[WorkspaceId], Awaitable[Mapping[str, Vector]]]


@dataclass(frozen=True, slots=True)
class Company:
    """What is known of the company that a digest is about.

    ``titles`` are those of intents; ``own_names`` and ``rivals`` names as customers write them; ``base_url``
    is the address that quotes link to.
    """

    name: str
    base_url: str
    titles: Mapping[str, str]
    own_names: Sequence[str] = ()
    rivals: Sequence[str] = ()
    campaigns: Sequence[Campaign] = ()
    router: Router | None = None


@dataclass(frozen=True, slots=True)
class Digester:
    """Reads a week and the weeks before it, and says what is in them.

    ``known_vectors`` are those of the labels of a workspace's intent model.
    """

    database: Database
    cipher: Cipher
    contacts: Contacts
    retriever: Retriever
    encoder: Encoder
    clock: Clock
    company: Company
    known_vectors: KnownVectors
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def digest(self, workspace: WorkspaceId, week: Week) -> Digest:
        """The digest of ``week``, or of as much of it as is over.

        This process makes one at a time: each reads and encodes nine weeks of contacts.
        """
        async with self.one_at_a_time:
            return await self._digest(workspace, week)

    async def _digest(self, workspace: WorkspaceId, week: Week) -> Digest:
        now, company = self.clock.now(), self.company
        period, quoter = week.until(now), Quoter(company.base_url)
        async with self.database.read() as connection:
            thresholds = await ThresholdStore().current(connection, workspace)
        rivals = Rivals(company.own_names, company.rivals, thresholds)
        contacts = await self.contacts.of(workspace, period)
        before = await weeks_before(self.contacts, workspace, week, period, rivals_in=rivals.named)
        figures, surveys, refusals = await self._stored(workspace, contacts, before, week, period)
        known = await self.known_vectors(workspace)
        volume = growths({"contacts": (len(contacts), [counts.contacts for counts in before])})
        return Digest(
            company=company.name,
            week=week,
            period=period,
            made_at=now,
            contacts=len(contacts),
            before=tuple(counts.contacts for counts in before),
            volume=volume.get("contacts"),
            themes=await asyncio.to_thread(
                themes, contacts, before, titles=company.titles, encoder=self.encoder, known=known,
                quoter=quoter,
            ),
            competitors=competitors(contacts, before, rivals=rivals, quoter=quoter),
            objections=objections(contacts, thresholds=thresholds, titles=company.titles, quoter=quoter),
            refusals=refusals,
            wishes=await asyncio.to_thread(
                wishes, contacts, thresholds=thresholds, encoder=self.encoder, quoter=quoter
            ),
            gaps=await gaps(
                contacts, workspace, encoder=self.encoder, retriever=self.retriever, quoter=quoter,
                thresholds=thresholds,
            ),
            campaigns=effects(contacts, company.campaigns, week, titles=company.titles, quoter=quoter),
            voice=voice(contacts, before, surveys, thresholds=thresholds, quoter=quoter),
            service=figures,
            notes=_notes(contacts, before, week, period, has_rivals=bool(company.rivals)),
        )  # fmt: skip

    async def _stored(
        self,
        workspace: WorkspaceId,
        contacts: Sequence[Contact],
        before: Sequence[Counts],
        week: Week,
        period: Period,
    ) -> tuple[Service, tuple[Survey, ...], tuple[Refusal, ...]]:
        async with self.database.read() as connection:
            figures = await service(
                connection, workspace, contacts, before,
                week=week, period=period, router=self.company.router,
            )  # fmt: skip
            surveys = await surveys_of(connection, workspace, period)
            return figures, surveys, await self._refusals(connection, workspace, period)

    async def _refusals(
        self, connection: AsyncConnection, workspace: WorkspaceId, period: Period
    ) -> tuple[Refusal, ...]:
        """Why signals were lost, as sales said in ``period``; what is in dispute is left out."""
        table = signal_outcomes
        query = (
            select(signals.c.kind, signals.c.customer_id, table.c.reason)
            .join(signals, signals.c.id == table.c.signal_id)
            .where(
                table.c.workspace_id == workspace,
                table.c.outcome == OutcomeKind.LOST,
                table.c.reason.is_not(None),
                table.c.disputed_at.is_(None),
                table.c.recorded_at >= period.start,
                table.c.recorded_at < period.end,
            )
            .order_by(table.c.id.desc())
            .limit(_REFUSALS)
        )
        found = []
        for row in (await connection.execute(query)).all():
            personal = await self.contacts.of_customer(connection, workspace, CustomerId(row.customer_id))
            found.append(Refusal(row.kind, anonymous(self.cipher.decrypt(row.reason), personal)))
        return tuple(found)


def _notes(
    contacts: Sequence[Contact], before: Sequence[Counts], week: Week, period: Period, *, has_rivals: bool
) -> tuple[str, ...]:
    """What readers have to know to read the rest right."""
    found = []
    if period.end < week.end:
        found.append("The week is not over: all of it is compared with the same part of the weeks before.")
    if not contacts:
        found.append("Nobody wrote in this week, so there is nothing to report.")
    elif len(contacts) < _FEW:
        found.append(f"Only {len(contacts)} contacts: read every share with its interval.")
    if not before:
        found.append("No whole week came before this one, so nothing can be said to grow.")
    elif len(before) < WEEKS:
        found.append(f"Compared with {len(before)} weeks; there are no more.")
    if contacts and all(contact.sentiment is None for contact in contacts):
        found.append("Nothing was triaged: themes, signals and moods are missing.")
    if contacts and not has_rivals:
        found.append("No competitors are configured, so they are not told apart by name.")
    return tuple(found)
