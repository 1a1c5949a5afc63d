"""Bringing the knowledge base in step with its sources."""

from __future__ import annotations

from inference.embeddings import EncoderEmbeddings
from kit.clock import Clock
from kit.ids import WorkspaceId
from knowledge_base.batch import Split
from knowledge_base.index_binding import bind
from knowledge_base.ingestion import Ingestion, lock_source, refuse_if_running
from knowledge_base.inventory import read_inventory
from knowledge_base.pipeline import Pipeline, Workshop
from knowledge_base.reindex import Rebuild
from knowledge_base.report import Progress, SyncReport
from knowledge_base.revisions import RevisionWriter
from knowledge_base.sources.source import Source
from store.engine import Database
from store.tables import sources


class Synchroniser:
    """Keeps the knowledge base in step with its sources.

    ``split`` cuts a document into passages. Any number of processes may read meanwhile: each document
    changes in one transaction, from what it was to what it is.
    """

    def __init__(
        self, database: Database, embeddings: EncoderEmbeddings, *, clock: Clock, split: Split
    ) -> None:
        self._shop = Workshop(database, embeddings, clock, split)

    async def sync(
        self, workspace_id: WorkspaceId, source: Source, *, progress: Progress | None = None
    ) -> SyncReport:
        """Make the workspace hold what ``source`` holds now, and say what that took.

        Raises ``EncoderChanged``, ``SyncRunning`` or ``WorkspaceUnknown`` before anything is changed;
        ``SourceUnavailable`` or ``SourceInvalid`` when the source cannot be listed, ``DatabaseUnwritable``
        on a full disk. What was committed until then stands, and the next sync goes on from there.
        """
        shop = self._shop
        async with shop.database.write() as connection:
            await bind(connection, workspace_id, shop.embeddings)
        async with Ingestion(shop.database, shop.clock, workspace_id, source) as ingestion:
            async with shop.database.read() as connection:
                inventory = await read_inventory(connection, ingestion.source_id)
            pipeline = Pipeline(
                shop, workspace_id, ingestion=ingestion, inventory=inventory, progress=progress
            )
            return await pipeline.carry_out(source)

    async def reindex(self, workspace_id: WorkspaceId, *, progress: Progress | None = None) -> int:
        """Split and encode every current document anew; returns the number of passages.

        This is how a workspace moves to another encoder. Until it is done, the index answers to neither
        encoder; cut short, it goes on where it stopped when it is called again. Raises
        ``WorkspaceUnknown``.
        """
        return await Rebuild(self._shop, workspace_id, progress=progress).carry_out()

    async def retire(self, workspace_id: WorkspaceId, source_id: str) -> int:
        """Take every document of a source out of all answers; returns how many those were.

        Old answers can still be traced. Raises ``SourceUnknown``, or ``SyncRunning`` while it is being
        synchronised.
        """
        shop = self._shop
        async with shop.database.write() as connection:
            await bind(connection, workspace_id, shop.embeddings)
            await lock_source(connection, workspace_id, source_id)
            await refuse_if_running(connection, source_id, shop.clock)
            gone = (await read_inventory(connection, source_id)).gone()
            writer = RevisionWriter(
                connection, workspace_id=workspace_id, source_id=source_id, now=shop.clock.now()
            )
            await writer.remove([document.document_id for document in gone])
            await connection.execute(sources.update().where(sources.c.id == source_id).values(state={}))
        return len(gone)
