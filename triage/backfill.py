"""Bulk triage of stored tickets, as the database knows it: how far a run is, and what tickets were before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import WorkspaceId
from store.tables import backfill_entries, backfills
from triage.corrections import TicketId
from triage.labels import Certainty
from triage.stored_tickets import Selection

# Whoever is at a run is heard of after each page, which takes a second. Of whom nothing was heard for this
# long is dead, and somebody else may go on.
AWAY = timedelta(minutes=2)
_KEPT = 5  # runs of a workspace that can be taken back


class BackfillState(StrEnum):
    """How a run stands. ``stopped`` was given up for a new one with what it had done by then."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"
    FINISHED = "finished"
    STOPPED = "stopped"
    UNDOING = "undoing"
    UNDO_INTERRUPTED = "undo_interrupted"
    UNDONE = "undone"


_AT_WORK = {
    BackfillState.RUNNING: BackfillState.INTERRUPTED,
    BackfillState.UNDOING: BackfillState.UNDO_INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Counts:
    """Of ``total`` tickets ``done`` were looked at.

    ``changed`` got other labels, ``same`` had these already, ``gone`` were erased meanwhile. Of the changed,
    undoing ``restored`` some, found some ``unchanged`` (as before the run already) and left alone those that
    somebody else has ``changed_since``.
    """

    total: int
    done: int = 0
    changed: int = 0
    same: int = 0
    gone: int = 0
    restored: int = 0
    unchanged: int = 0
    changed_since: int = 0


class Outcome(StrEnum):
    """What became of a ticket when its run was taken back."""

    RESTORED = "restored"
    UNCHANGED = "unchanged"
    CHANGED_SINCE = "changed_since"


@dataclass(frozen=True, slots=True)
class Backfill:
    """A run over the tickets of ``selection``, newest first, with labels of version ``model``.

    ``route`` says whether they were routed anew. ``cursor`` is the last ticket done. ``error`` is why it was
    interrupted, where it was not the end of a process.
    """

    id: str
    workspace_id: WorkspaceId
    model: str
    selection: Selection
    route: bool
    counts: Counts
    started_at: datetime
    beat_at: datetime
    state: BackfillState = BackfillState.RUNNING
    cursor: TicketId | None = None
    error: str | None = None
    ended_at: datetime | None = None

    @property
    def at_work(self) -> bool:
        """Whether somebody is at it."""
        return self.state in _AT_WORK

    def seen_at(self, now: datetime) -> Backfill:
        """As it is for whoever looks ``now``: interrupted, when nothing was heard of it for too long."""
        if self.at_work and now - self.beat_at >= AWAY:
            return self.interrupted()
        return self

    def interrupted(self, error: str | None = None) -> Backfill:
        """The same with nobody at it any more."""
        return replace(self, state=_AT_WORK[self.state], error=error)

    def counted(self, **more: int) -> Backfill:
        """The same with so many more of each kind of ``Counts``."""
        counts = {name: value + more.get(name, 0) for name, value in asdict(self.counts).items()}
        return replace(self, counts=Counts(**counts))


@dataclass(frozen=True, slots=True)
class Entry:
    """What a ticket was before a run; labels are empty where it had none. ``after_hash`` is a ``digest``."""

    id: int
    ticket_id: TicketId
    before: Mapping[str, Any]
    before_model: str | None
    after_hash: str


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry about to be written."""

    ticket_id: TicketId
    before: Mapping[str, Any] = field(repr=False)
    before_model: str | None
    after_hash: str


def digest(labels: Mapping[str, Any], model: str | None) -> str:
    """SHA-256 of labels by a model, in hexadecimal."""
    plain = json.dumps([labels, model], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()


class BackfillLog:
    """Runs and their entries. Every method takes the connection of a running transaction."""

    async def latest(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        *,
        undoable: bool = False,
        lock: bool = False,
    ) -> Backfill | None:
        """The run that is open, else the one that was worked on last, if any.

        With ``undoable`` it is the youngest that was not taken back. With ``lock`` nobody else changes it
        until the transaction ends.
        """
        query = select(backfills).where(backfills.c.workspace_id == workspace)
        if undoable:
            query = query.where(backfills.c.state != BackfillState.UNDONE)
        else:
            query = query.order_by(backfills.c.ended_at.is_not(None), backfills.c.beat_at.desc())
        query = query.order_by(backfills.c.id.desc()).limit(1)
        row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
        return None if row is None else _backfill(row)

    async def add(self, connection: AsyncConnection, run: Backfill) -> None:
        """Write down a new run, and forget those that are too old to be taken back.

        Raises SQLAlchemy's ``IntegrityError`` when another of the workspace is open.
        """
        await connection.execute(
            insert(backfills).values(
                id=run.id,
                workspace_id=run.workspace_id,
                model=run.model,
                options={"selection": _selection_record(run.selection), "route": run.route},
                started_at=run.started_at,
                **_changing(run),
            )
        )
        of_workspace = backfills.c.workspace_id == run.workspace_id
        kept = select(backfills.c.id).where(of_workspace).order_by(backfills.c.id.desc()).limit(_KEPT)
        await connection.execute(delete(backfills).where(of_workspace, backfills.c.id.not_in(kept)))

    async def save(self, connection: AsyncConnection, run: Backfill, *, was: Backfill) -> bool:
        """Write down how far ``run`` is; false, and nothing is written, unless it is still as it ``was``."""
        cursor = backfills.c.cursor
        result = await connection.execute(
            update(backfills)
            .where(
                backfills.c.id == run.id,
                backfills.c.state == was.state,
                backfills.c.beat_at == was.beat_at,
                cursor.is_(None) if was.cursor is None else cursor == was.cursor,
            )
            .values(**_changing(run))
        )
        return bool(result.rowcount)

    async def write(self, connection: AsyncConnection, run: Backfill, entry: NewEntry) -> None:
        """Write down what a ticket was before ``run`` changes it."""
        await connection.execute(
            insert(backfill_entries).values(
                workspace_id=run.workspace_id,
                backfill_id=run.id,
                ticket_id=entry.ticket_id,
                before=dict(entry.before),
                before_model=entry.before_model,
                after_hash=entry.after_hash,
            )
        )

    async def unsettled(self, connection: AsyncConnection, run: Backfill, *, limit: int) -> Sequence[Entry]:
        """Entries that were not yet taken back, newest first."""
        query = (
            select(backfill_entries)
            .where(backfill_entries.c.backfill_id == run.id, backfill_entries.c.outcome.is_(None))
            .order_by(backfill_entries.c.id.desc())
            .limit(limit)
        )
        return [
            Entry(row.id, TicketId(row.ticket_id), row.before, row.before_model, row.after_hash)
            for row in await connection.execute(query)
        ]

    async def settle(self, connection: AsyncConnection, entry: Entry, outcome: Outcome) -> None:
        """Write down what became of an entry."""
        await connection.execute(
            update(backfill_entries).where(backfill_entries.c.id == entry.id).values(outcome=outcome)
        )


def _changing(run: Backfill) -> dict[str, Any]:
    return {
        "state": run.state,
        "counts": asdict(run.counts),
        "cursor": run.cursor,
        "error": run.error,
        "beat_at": run.beat_at,
        "ended_at": run.ended_at,
    }


def _backfill(row: Row[Any]) -> Backfill:
    return Backfill(
        id=row.id,
        workspace_id=WorkspaceId(row.workspace_id),
        model=row.model,
        selection=_selection(row.options["selection"]),
        route=row.options["route"],
        counts=Counts(**row.counts),
        started_at=row.started_at,
        beat_at=row.beat_at,
        state=BackfillState(row.state),
        cursor=None if row.cursor is None else TicketId(row.cursor),
        error=row.error,
        ended_at=row.ended_at,
    )


def _selection_record(selection: Selection) -> dict[str, Any]:
    moments = {name: getattr(selection, name) for name in ("since", "until")}
    return {
        "queue": selection.queue,
        "intent": selection.intent,
        "certainty": list(selection.certainty),
        **{name: None if moment is None else moment.isoformat() for name, moment in moments.items()},
    }


def _selection(record: Mapping[str, Any]) -> Selection:
    moments = {name: record[name] for name in ("since", "until")}
    return Selection(
        queue=record["queue"],
        intent=record["intent"],
        certainty=tuple(map(Certainty, record["certainty"])),
        **{
            name: None if moment is None else datetime.fromisoformat(moment)
            for name, moment in moments.items()
        },
    )
