"""The three stages of a sync, side by side: read, encode, commit.

Encoding takes nearly all the time, so the other two only have to keep up with it. A batch is the unit
of all three, and the most that a crash costs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from inference.embeddings import EncoderEmbeddings
from kit.clock import Clock
from kit.ids import WorkspaceId
from knowledge_base.batch import Batch, EncodedRevision, Split, encode
from knowledge_base.index_binding import bind
from knowledge_base.ingestion import HEARTBEAT, Ingestion
from knowledge_base.inventory import Inventory
from knowledge_base.reading import Reader
from knowledge_base.report import Progress, SyncReport, Tally
from knowledge_base.revisions import RevisionWriter
from knowledge_base.sources.source import EntryState, Source
from store.engine import Database

_BATCHES_AHEAD = 2  # enough that no stage starves, few enough that memory stays flat
_BEATS_PER_CHECKPOINT = (
    6  # every half minute the state of finished entries is kept, for a rerun after a crash
)
_REMOVALS_AT_ONCE = 500

Encoded = tuple[Batch, list[EncodedRevision]]


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every run works with."""

    database: Database
    embeddings: EncoderEmbeddings
    clock: Clock
    split: Split


class Pipeline:
    """One run over one source, within an ``Ingestion`` that has been entered."""

    def __init__(
        self,
        workshop: Workshop,
        workspace_id: WorkspaceId,
        *,
        ingestion: Ingestion,
        inventory: Inventory,
        progress: Progress | None,
    ) -> None:
        self._shop = workshop
        self._workspace_id = workspace_id
        self._ingestion = ingestion
        self._inventory = inventory
        self._tell = progress
        self._expected = inventory.count_current()
        self._tally = Tally()
        self._state: dict[str, EntryState] = dict(ingestion.state)

    async def carry_out(self, source: Source) -> SyncReport:
        """Run every stage to its end, then take out what is gone, and report."""
        started = time.monotonic()
        entries = await self._run_stages(source)
        await self._remove_gone()
        state = {key: state for key, state in self._state.items() if key in entries}
        async with self._shop.database.write() as connection:
            await self._ingestion.complete(
                connection, state=state, counts=self._tally.counts(), failures=self._tally.failures
            )
        tally = self._tally
        return SyncReport(
            ingestion_id=self._ingestion.id,
            source_id=self._ingestion.source_id,
            added=tally.added,
            changed=tally.changed,
            unchanged=tally.unchanged,
            removed=tally.removed,
            passages=tally.passages,
            seconds=time.monotonic() - started,
            skipped=dict(tally.skipped),
            failures=tuple(tally.failures),
        )

    async def _run_stages(self, source: Source) -> set[str]:
        """Returns the keys of the entries that the source has."""
        loaded: asyncio.Queue[Batch | None] = asyncio.Queue(_BATCHES_AHEAD)
        encoded: asyncio.Queue[Encoded | None] = asyncio.Queue(_BATCHES_AHEAD)
        reader = Reader(
            self._inventory, self._tally, split=self._shop.split, deliver=loaded.put, progress=self._report
        )
        try:
            async with asyncio.TaskGroup() as group:
                beating = group.create_task(self._beat())
                group.create_task(self._read(reader, source, loaded))
                group.create_task(self._encode(loaded, encoded))
                while (item := await encoded.get()) is not None:
                    await self._commit(*item)
                beating.cancel()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # the first is the cause; it cancelled the others
        return reader.entries

    async def _read(self, reader: Reader, source: Source, loaded: asyncio.Queue[Batch | None]) -> None:
        await reader.read(source, self._ingestion.state)
        await loaded.put(None)

    async def _encode(
        self, loaded: asyncio.Queue[Batch | None], encoded: asyncio.Queue[Encoded | None]
    ) -> None:
        encoder = self._shop.embeddings.encoder
        while (batch := await loaded.get()) is not None:
            await encoded.put((batch, await asyncio.to_thread(encode, encoder, batch.revisions)))
        await encoded.put(None)

    async def _commit(self, batch: Batch, revisions: list[EncodedRevision]) -> None:
        tally = self._tally
        if revisions or batch.touched:
            added = sum(encoded.revision.known is None for encoded in revisions)
            counts = {
                "added": tally.added + added,
                "changed": tally.changed + len(revisions) - added,
                "passages": tally.passages + batch.passages,
            }
            async with self._writer(counts) as writer:
                await writer.write(revisions)
                await writer.touch(batch.touched)
            tally.added, tally.changed, tally.passages = counts.values()
        self._state |= batch.finished
        if revisions:
            self._report(revisions[-1].revision.document.key)

    async def _remove_gone(self) -> None:
        gone = [document.document_id for document in self._inventory.gone()]
        for start in range(0, len(gone), _REMOVALS_AT_ONCE):
            some = gone[start : start + _REMOVALS_AT_ONCE]
            async with self._writer({"removed": self._tally.removed + len(some)}) as writer:
                await writer.remove(some)
            self._tally.removed += len(some)

    @asynccontextmanager
    async def _writer(self, counts: Mapping[str, int]) -> AsyncIterator[RevisionWriter]:
        """A transaction in which the index is still this encoder's and the run still this one's.

        ``counts`` are those that will be true once it is committed.
        """
        shop = self._shop
        async with shop.database.write() as connection:
            await bind(connection, self._workspace_id, shop.embeddings)
            await self._ingestion.beat(connection, {**self._tally.counts(), **counts})
            yield RevisionWriter(
                connection,
                workspace_id=self._workspace_id,
                source_id=self._ingestion.source_id,
                now=shop.clock.now(),
            )

    async def _beat(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(HEARTBEAT.total_seconds())
            beats += 1
            async with self._shop.database.write() as connection:
                if beats % _BEATS_PER_CHECKPOINT == 0:
                    await self._ingestion.remember(connection, self._state)
                await self._ingestion.beat(connection, self._tally.counts())

    def _report(self, key: str) -> None:
        if self._tell is not None:
            self._tell(self._tally.progress(expected=self._expected, key=key))
