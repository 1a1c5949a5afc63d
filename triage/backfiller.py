"""Labels stored tickets anew, shows what that would change, and takes it back.

A page of tickets, what they were before and how far the run has come are one transaction: whatever kills the
process, nothing is done twice and nothing is left half done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.clock import Clock
from kit.errors import CareloopError
from kit.ids import WorkspaceId, new_id
from store.engine import Database
from triage.backfill import Backfill, BackfillLog, BackfillState, Counts, Entry, NewEntry, Outcome, digest
from triage.errors import BackfillUnderWay, CannotResume, NothingToStop, NothingToUndo, UnknownTicket
from triage.label_changes import Changes, LabelTally
from triage.relabelling import Relabel
from triage.stored_labels import outline, told
from triage.stored_tickets import PAGE, Selection, StoredTickets
from triage.tickets import Ticket, TicketStore

Advance = Callable[[int], None]
Labelled = tuple[Ticket, dict[str, Any]]  # and its new labels


@dataclass(slots=True)
class _Work:
    """A run that this process is at, as it was written down last."""

    run: Backfill


class _NoLongerOurs(Exception):
    """No error: somebody has stopped the run, or goes on with it."""


class Backfiller:
    """Runs of bulk triage: one of a workspace at a time, whichever process is at it.

    ``start``, ``resume`` and ``undo`` claim a run; ``run`` and ``take_back`` then do the work. Cancelled or
    failing, they leave it interrupted for whoever goes on.
    """

    def __init__(self, database: Database, store: TicketStore, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._log = BackfillLog()

    async def latest(self, workspace: WorkspaceId) -> Backfill | None:
        """The last run as it stands now, if there was any."""
        async with self._database.read() as connection:
            run = await self._log.latest(connection, workspace)
        return None if run is None else run.seen_at(self._clock.now())

    async def preview(
        self,
        workspace: WorkspaceId,
        selection: Selection,
        relabel: Relabel,
        *,
        most: int | None = None,
        advance: Advance = lambda _: None,
    ) -> Changes:
        """What a run would change in the newest ``most`` tickets; nothing is stored."""
        stored, tally = self._tickets(workspace), LabelTally()
        ids = await stored.ids(selection, most=most)
        async for wanted, tickets in stored.pages(ids):
            for ticket, labels in await _labelled(tickets, relabel):
                before, after = (told(each, ticket.final_labels) for each in (ticket.labels, labels))
                tally.add(ticket.id, before, after)
            advance(len(wanted))
        return tally.changes()

    async def start(
        self, workspace: WorkspaceId, selection: Selection, *, model: str, route: bool
    ) -> Backfill:
        """A new run by version ``model``; one that was interrupted is given up with what it had done.

        Raises ``BackfillUnderWay`` while somebody is at one, ``CannotResume`` while one is half taken back.
        """
        total = len(await self._tickets(workspace).ids(selection))
        now = self._clock.now()
        run = Backfill(new_id("bkf"), workspace, model, selection, route, Counts(total), now, now)
        try:
            async with self._database.write() as connection:
                last = await self._log.latest(connection, workspace, lock=True)
                if last is not None:
                    await self._give_up(connection, last)
                await self._log.add(connection, run)
        except IntegrityError:
            raise _under_way() from None
        return run

    async def resume(self, workspace: WorkspaceId, *, model: str) -> Backfill:
        """Claim the run that was interrupted. Raises ``BackfillUnderWay`` and ``CannotResume``."""
        async with self._database.write() as connection:
            last = await self._idle(connection, workspace)
            if last is None or last.seen_at(self._clock.now()).state is not BackfillState.INTERRUPTED:
                raise CannotResume("No backfill was interrupted. Start one.")
            if last.model != model:
                raise CannotResume(
                    f"The backfill was begun with model {last.model}, and {model} answers now. Undo it, or "
                    "start a new one, which keeps what it has done."
                )
            running = replace(last, state=BackfillState.RUNNING, error=None)
            return await self._save(connection, running, was=last)

    async def undo(self, workspace: WorkspaceId) -> Backfill:
        """Claim the last run that was not taken back yet, to ``take_back``.

        Raises ``BackfillUnderWay`` and ``NothingToUndo``.
        """
        async with self._database.write() as connection:
            last = await self._idle(connection, workspace, undoable=True)
            if last is None:
                raise NothingToUndo("There is no backfill that was not undone already.")
            undoing = replace(last, state=BackfillState.UNDOING, error=None, ended_at=None)
            return await self._save(connection, undoing, was=last)

    async def stop(self, workspace: WorkspaceId) -> Backfill:
        """Interrupt what is under way; whoever is at it notices before the next page.

        Raises ``NothingToStop``.
        """
        async with self._database.write() as connection:
            last = await self._log.latest(connection, workspace, lock=True)
            if last is None or not last.at_work:
                raise NothingToStop("No backfill is under way.")
            return await self._save(connection, last.interrupted(), was=last)

    async def run(self, run: Backfill, relabel: Relabel, *, advance: Advance = lambda _: None) -> Backfill:
        """Label the tickets that are to come; the run as it is then: finished, or stopped by somebody."""
        work = _Work(run)
        async with self._left_in_order(work):
            stored = self._tickets(run.workspace_id)
            ids = await stored.ids(run.selection, before=run.cursor)
            async for wanted, tickets in stored.pages(ids):
                labelled = await _labelled(tickets, relabel)
                async with self._database.write() as connection:
                    done = await self._relabel(connection, work.run, labelled)
                    gone = len(wanted) - len(tickets)
                    done = replace(done.counted(done=len(wanted), gone=gone), cursor=wanted[-1])
                    work.run = await self._save(connection, done, was=work.run)
                advance(len(wanted))
            work.run = await self._end(work.run, BackfillState.FINISHED)
        return work.run

    async def take_back(self, run: Backfill, *, advance: Advance = lambda _: None) -> Backfill:
        """Give tickets the labels they had before; not those whose labels somebody has changed since."""
        work, settled = _Work(run), -1
        async with self._left_in_order(work):
            while settled:
                async with self._database.write() as connection:
                    entries = await self._log.unsettled(connection, work.run, limit=PAGE)
                    outcomes = [await self._restore(connection, work.run, entry) for entry in entries]
                    done = work.run.counted(**{each: outcomes.count(each) for each in set(outcomes)})
                    work.run = await self._save(connection, done, was=work.run)
                settled = len(entries)
                advance(settled)
            work.run = await self._end(work.run, BackfillState.UNDONE)
        return work.run

    def _tickets(self, workspace: WorkspaceId) -> StoredTickets:
        return StoredTickets(self._database, self._store, workspace)

    async def _idle(
        self, connection: AsyncConnection, workspace: WorkspaceId, *, undoable: bool = False
    ) -> Backfill | None:
        """The last run, which nobody is at. Raises ``BackfillUnderWay``."""
        last = await self._log.latest(connection, workspace, undoable=undoable, lock=True)
        if last is not None and last.seen_at(self._clock.now()).at_work:
            raise _under_way()
        return last

    async def _give_up(self, connection: AsyncConnection, last: Backfill) -> None:
        match last.seen_at(self._clock.now()).state:
            case BackfillState.RUNNING | BackfillState.UNDOING:
                raise _under_way()
            case BackfillState.UNDO_INTERRUPTED:
                raise CannotResume("The last backfill is half undone. Undo it again before you start one.")
            case BackfillState.INTERRUPTED:
                ended = replace(last, state=BackfillState.STOPPED, ended_at=self._clock.now())
                await self._save(connection, ended, was=last)
            case _:
                return

    async def _relabel(
        self, connection: AsyncConnection, run: Backfill, labelled: Iterable[Labelled]
    ) -> Backfill:
        """``run`` with these tickets counted."""
        for ticket, labels in labelled:
            run = run.counted(**{await self._label(connection, run, ticket, labels): 1})
        return run

    async def _label(
        self, connection: AsyncConnection, run: Backfill, ticket: Ticket, labels: dict[str, Any]
    ) -> str:
        """What it counts as."""
        try:
            now = await self._store.get(connection, run.workspace_id, ticket.id, lock=True)
        except UnknownTicket:
            return "gone"
        if now.model == run.model and outline(now.labels) == outline(labels):
            return "same"
        entry = NewEntry(ticket.id, now.labels, now.model, digest(labels, run.model))
        await self._log.write(connection, run, entry)
        await self._store.put_labels(
            connection, run.workspace_id, ticket.id, labels=labels, model=run.model, at=self._clock.now()
        )
        return "changed"

    async def _restore(self, connection: AsyncConnection, run: Backfill, entry: Entry) -> str:
        """Take back what happened to a ticket; what it counts as."""
        try:
            now = await self._store.get(connection, run.workspace_id, entry.ticket_id, lock=True)
        except UnknownTicket:  # erased a moment ago, and its entry with it
            return "gone"
        found = digest(now.labels, now.model)
        outcome = Outcome.CHANGED_SINCE
        if found == entry.after_hash:
            outcome = Outcome.RESTORED
            await self._store.put_labels(
                connection,
                run.workspace_id,
                entry.ticket_id,
                labels=entry.before,
                model=entry.before_model,
                at=self._clock.now(),
            )
        elif found == digest(entry.before, entry.before_model):
            outcome = Outcome.UNCHANGED
        await self._log.settle(connection, entry, outcome)
        return outcome

    async def _save(self, connection: AsyncConnection, run: Backfill, *, was: Backfill) -> Backfill:
        """``run`` with a sign of life, written down. Raises ``_NoLongerOurs``."""
        run = replace(run, beat_at=self._clock.now())
        if not await self._log.save(connection, run, was=was):
            raise _NoLongerOurs
        return run

    async def _end(self, run: Backfill, state: BackfillState) -> Backfill:
        async with self._database.write() as connection:
            ended = replace(run, state=state, ended_at=self._clock.now())
            return await self._save(connection, ended, was=run)

    @asynccontextmanager
    async def _left_in_order(self, work: _Work) -> AsyncIterator[None]:
        """Whatever ends the block early, the run is interrupted and not under way for ever."""
        ended, error = False, None
        try:
            yield
            ended = True
        except _NoLongerOurs:
            work.run = await self.latest(work.run.workspace_id) or work.run
            ended = True
        except CareloopError as failed:
            error = f"{failed.code}: {failed.detail}"
            raise
        finally:
            if not ended:
                with suppress(CareloopError, _NoLongerOurs):
                    async with self._database.write() as connection:
                        await self._save(connection, work.run.interrupted(error), was=work.run)


async def _labelled(tickets: Sequence[Ticket], relabel: Relabel) -> list[Labelled]:
    """Each ticket with its new labels, which are worked out in a thread."""
    if not tickets:
        return []
    return list(zip(tickets, await asyncio.to_thread(relabel, tickets), strict=True))


def _under_way() -> BackfillUnderWay:
    return BackfillUnderWay("A backfill of the workspace is under way. Wait for its end, or stop it.")
