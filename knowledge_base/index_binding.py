"""Which encoder a workspace's index was made with, and the lock under which the index is changed."""

from __future__ import annotations

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from inference.embeddings import EncoderEmbeddings
from kit.ids import WorkspaceId
from knowledge_base.errors import EncoderChanged, WorkspaceUnknown
from store.tables import index_states, workspaces

_REBUILDING = "rebuilding"


async def bind(connection: AsyncConnection, workspace_id: WorkspaceId, embeddings: EncoderEmbeddings) -> None:
    """Note that ``embeddings`` makes this workspace's index, unless that is noted; hold the index's lock.

    Writers of one workspace follow one another from here to the end of the transaction, so that the ids
    of ``index_operations`` become visible in order on PostgreSQL too. Raises ``EncoderChanged`` when the
    index was made with another encoder, ``WorkspaceUnknown`` when there is no such workspace.
    """
    bound = await bound_encoder(connection, workspace_id, lock=True)
    if bound == embeddings.identity:
        return
    if bound is not None:
        raise EncoderChanged(_explanation(bound, embeddings.identity))
    await _require(connection, workspace_id)
    values = {"encoder": embeddings.identity, "dimensions": embeddings.dimensions}
    await connection.execute(insert(index_states).values(workspace_id=workspace_id, **values))


async def rebind(
    connection: AsyncConnection, workspace_id: WorkspaceId, *, encoder: str, dimensions: int
) -> None:
    """Note ``encoder`` as the maker of the index, whoever made it before."""
    if await bound_encoder(connection, workspace_id, lock=True) is None:
        await _require(connection, workspace_id)
        row = {"workspace_id": workspace_id, "encoder": encoder, "dimensions": dimensions}
        await connection.execute(insert(index_states).values(row))
        return
    await connection.execute(
        update(index_states)
        .where(index_states.c.workspace_id == workspace_id)
        .values(encoder=encoder, dimensions=dimensions)
    )


async def bound_encoder(
    connection: AsyncConnection, workspace_id: WorkspaceId, *, lock: bool = False
) -> str | None:
    """Identity of the encoder that made the index (or a ``rebuilding_mark``); none before the first sync."""
    query = select(index_states.c.encoder).where(index_states.c.workspace_id == workspace_id)
    encoder: str | None = await connection.scalar(query.with_for_update() if lock else query)
    return encoder


def rebuilding_mark(identity: str, newest_old_passage: int) -> str:
    """What stands in place of the identity while the index is rebuilt: equal to no encoder's.

    Passages with an id up to ``newest_old_passage`` still have the former encoder's vectors.
    """
    return f"{_REBUILDING}:{newest_old_passage}:{identity}"


def read_rebuilding_mark(bound: str | None, identity: str) -> int | None:
    """The id of the newest old passage when ``bound`` marks a rebuild for ``identity``; none otherwise."""
    if bound is None or not bound.startswith(f"{_REBUILDING}:"):
        return None
    _, newest, target = bound.split(":", 2)
    return int(newest) if target == identity else None


async def _require(connection: AsyncConnection, workspace_id: WorkspaceId) -> None:
    if await connection.scalar(select(workspaces.c.id).where(workspaces.c.id == workspace_id)) is None:
        raise WorkspaceUnknown(f"There is no workspace {workspace_id!r}.")


def _explanation(bound: str, identity: str) -> str:
    remedy = "Run `careloop knowledge reindex`, or configure the former encoder again."
    if bound.startswith(f"{_REBUILDING}:"):
        return f"The index is being rebuilt, or a rebuild was cut short. {remedy}"
    return f"The index was made with the encoder {bound}, but {identity} is configured. {remedy}"
