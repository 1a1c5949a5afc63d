"""Keeps the vector index in step with the database.

The database is the truth. Every change of passages leaves rows in ``index_operations``, in the same
transaction; the follower applies them in order and removes them once the index has them. All steps can be
repeated, so a crash anywhere leaves nothing to repair: the rows are still there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
from sqlalchemy import Row, delete, select

from kit.errors import CareloopError
from kit.ids import PassageId, WorkspaceId
from kit.log import get_logger
from retrieval.errors import IndexEncoderChanged
from retrieval.index import VectorIndex
from store.engine import Database
from store.tables import index_operations, index_states, passages, workspaces

_STEP = 500  # operations or passages a step

_log = get_logger("retrieval.follower")


class IndexFollower:
    """Applies to ``index`` what happened in ``database``; ``encoder`` is the identity that both carry."""

    def __init__(self, database: Database, index: VectorIndex, *, encoder: str) -> None:
        self._database = database
        self._index = index
        self._encoder = encoder
        self._applying = asyncio.Lock()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look now rather than at the next interval."""
        self._woken.set()

    async def follow(self, *, interval: float) -> None:
        """Apply what there is, every ``interval`` seconds or when woken, until cancelled."""
        while True:
            try:
                await self.apply()
            except CareloopError as error:
                _log.warning("index_behind", code=error.code, detail=error.detail)
            try:
                await asyncio.wait_for(self._woken.wait(), interval)
            except TimeoutError:
                continue
            finally:
                self._woken.clear()

    async def apply(self) -> int:
        """Apply every operation there is. Returns how many.

        Raises ``IndexUnavailable``; and ``IndexEncoderChanged`` while a workspace's passages still have
        another encoder's vectors.
        """
        total = 0
        async with self._applying:
            while True:
                async with self._database.read() as connection:
                    query = select(index_operations).order_by(index_operations.c.id).limit(_STEP)
                    operations = (await connection.execute(query)).all()
                if not operations:
                    return total
                for workspace in dict.fromkeys(WorkspaceId(row.workspace_id) for row in operations):
                    await self._apply(workspace, [row for row in operations if row.workspace_id == workspace])
                async with self._database.write() as connection:
                    done = delete(index_operations).where(
                        index_operations.c.id.in_([row.id for row in operations])
                    )
                    await connection.execute(done)
                total += len(operations)

    async def reconcile(self) -> int:
        """Compare index and database and mend the index. Returns how many passages differed."""
        async with self._database.read() as connection:
            query = select(workspaces.c.id, index_states.c.encoder).outerjoin(index_states)
            known = (await connection.execute(query)).all()
        differed = 0
        async with self._applying:
            for workspace, encoder in known:
                if encoder in {None, self._encoder}:
                    differed += await self._reconcile(WorkspaceId(workspace))
        return differed

    async def _reconcile(self, workspace: WorkspaceId) -> int:
        async with self._database.read() as connection:
            query = select(passages.c.id).where(passages.c.workspace_id == workspace)
            wanted = {PassageId(row[0]) for row in await connection.execute(query)}
        present = await self._index.ids(workspace)
        missing, extra = sorted(wanted - present), sorted(present - wanted)
        for start in range(0, len(missing), _STEP):
            await self._upsert(workspace, missing[start : start + _STEP])
        await self._index.delete(workspace, extra)
        return len(missing) + len(extra)

    async def _apply(
        self, workspace: WorkspaceId, operations: Sequence[Row[tuple[int, str, int, bool]]]
    ) -> None:
        # Ids are never used twice, so within one step an id's deletion always comes after its insertion.
        deleted = [PassageId(row.passage_id) for row in operations if row.delete]
        added = [PassageId(row.passage_id) for row in operations if not row.delete]
        try:
            await self._upsert(workspace, [key for key in added if key not in set(deleted)])
        except IndexEncoderChanged:
            await self._start_over(workspace)
        await self._index.delete(workspace, deleted)

    async def _upsert(self, workspace: WorkspaceId, ids: Sequence[PassageId]) -> None:
        async with self._database.read() as connection:
            query = select(passages.c.id, passages.c.embedding, passages.c.metadata).where(
                passages.c.id.in_(ids)
            )
            rows = (await connection.execute(query)).all()
        if rows:
            await self._index.upsert(
                workspace,
                [PassageId(row.id) for row in rows],
                embeddings=np.stack([row.embedding for row in rows]).astype(np.float32),
                metadata=[row.metadata for row in rows],
            )

    async def _start_over(self, workspace: WorkspaceId) -> None:
        """Rebuild the workspace's index, if its passages have all been encoded with the present encoder."""
        async with self._database.read() as connection:
            query = select(index_states.c.encoder).where(index_states.c.workspace_id == workspace)
            bound = await connection.scalar(query)
        if bound != self._encoder:
            raise IndexEncoderChanged(
                f"The passages were encoded with {bound}, but {self._encoder} is configured. "
                "Run `careloop knowledge reindex`, or configure the former encoder again."
            )
        await self._index.drop(workspace)
        await self._reconcile(workspace)
