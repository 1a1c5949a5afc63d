"""What operators do with many stored tickets at once, over the parts of triage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from api.triagers import TriageParts
from kit.clock import Clock
from kit.errors import InvalidInput
from kit.ids import WorkspaceId
from store.engine import Database
from triage.backfiller import Backfiller
from triage.drift import DriftReport, Snapshot, measure_drift
from triage.entities import EntityFinder
from triage.proposals import LEAST, Proposals, propose_from_tickets
from triage.relabelling import Relabel, relabeller
from triage.routing import Router
from triage.rules import KEYS, parse_only_routing
from triage.rules_text import check_size, mapping_of
from triage.stored_tickets import Selection, StoredTickets
from triage.ticket_drift import snapshot_of_tickets
from triage.ticket_dry_run import TicketDryRun, dry_run_of_tickets
from triage.triager import Triager

Advance = Callable[[int], None]  # told how many tickets more are done

_SENT = "the rules"  # what messages call rules that came without a file
_MOST_CONDITIONS = 2000  # each is judged for each ticket


class Operations:
    """Discovery, drift, trials of rules and bulk triage, for every workspace."""

    def __init__(self, parts: TriageParts, database: Database, clock: Clock) -> None:
        self.parts = parts
        self.backfiller = Backfiller(database, parts.tickets, clock)
        self.entities = EntityFinder(products=parts.taxonomy.products)
        self._database = database
        self._clock = clock

    def stored(self, workspace: WorkspaceId) -> StoredTickets:
        """The tickets of a workspace."""
        return StoredTickets(self._database, self.parts.tickets, workspace)

    async def triager(self, workspace: WorkspaceId) -> Triager:
        """What labels tickets of the workspace now; ``models.version`` is its version."""
        return (await self.parts.triagers.of(workspace)).triager

    def relabel(self, triager: Triager, *, route: bool) -> Relabel:
        """What labels tickets anew; with ``route`` by the rules in force."""
        return relabeller(triager, self.parts.router, route=route)

    def router_of(self, rules: Mapping[str, Any] | str) -> Router:
        """Rules that were sent, as JSON or as YAML. Raises ``RoutingInvalid``."""
        if isinstance(rules, str):
            rules = mapping_of(rules, source=_SENT, keys=KEYS)
        check_size(rules, source=_SENT)
        settings = parse_only_routing(rules, source=_SENT, intents=self.parts.taxonomy.intent_names)
        if sum(1 for rule in settings.rules for _ in rule.when.within()) > _MOST_CONDITIONS:
            raise InvalidInput(f"The rules have more than {_MOST_CONDITIONS:,} conditions.")
        return Router.of(settings)

    async def dry_run(
        self,
        workspace: WorkspaceId,
        selection: Selection,
        proposed: Router,
        *,
        recorded: bool,
        most: int | None = None,
        examples: int,
        advance: Advance = lambda _: None,
    ) -> TicketDryRun:
        """What ``proposed`` would have done instead of the rules in force.

        Without such, or with ``recorded``, it is compared with where the tickets are.
        """
        return await dry_run_of_tickets(
            self.stored(workspace),
            selection,
            None if recorded else self.parts.router,
            proposed,
            finder=self.entities,
            most=most,
            examples=examples,
            advance=advance,
        )

    async def propose(
        self,
        workspace: WorkspaceId,
        selection: Selection,
        *,
        most: int,
        least: int = LEAST,
        advance: Advance = lambda _: None,
    ) -> Proposals:
        """New intents among the newest ``most`` tickets that triage was not sure of."""
        model = (await self.triager(workspace)).models.intents
        return await propose_from_tickets(
            self.stored(workspace),
            selection,
            model,
            self.parts.encoder,
            most=most,
            least=least,
            advance=advance,
        )

    async def snapshot(
        self,
        workspace: WorkspaceId,
        selection: Selection,
        *,
        most: int,
        advance: Advance = lambda _: None,
    ) -> Snapshot:
        """What is kept of a time to measure drift with. ``InvalidInput`` where there are no tickets."""
        model = (await self.triager(workspace)).models.intents
        return await snapshot_of_tickets(
            self.stored(workspace), selection, model, self.parts.encoder, most=most, advance=advance
        )

    async def drift(
        self,
        workspace: WorkspaceId,
        *,
        recent: timedelta,
        reference: timedelta,
        most: int,
        advance: Advance = lambda _: None,
    ) -> DriftReport:
        """How the tickets of ``recent`` differ from those of the time of ``reference`` before them."""
        since = self._clock.now() - recent
        before = Selection(since=since - reference, until=since)
        reference_taken = await self.snapshot(workspace, before, most=most, advance=advance)
        recent_taken = await self.snapshot(workspace, Selection(since=since), most=most, advance=advance)
        return await asyncio.to_thread(measure_drift, reference_taken, recent_taken)
