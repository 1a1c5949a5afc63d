"""The events of a conversation that streams can resume from; each function takes a running transaction."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation, ConversationEvent, EventKind, Message
from bot.messages import MessageStore
from kit.ids import ConversationId, WorkspaceId
from store.tables import conversation_events

_INSERT = conversation_events.insert().returning(conversation_events.c.id)


async def record(
    connection: AsyncConnection,
    conversation: Conversation,
    *,
    kind: EventKind,
    payload: Mapping[str, object],
    message: Message | None = None,
) -> ConversationEvent:
    """Store an event; ``conversation.updated_at`` is its time."""
    values = {
        "workspace_id": conversation.workspace_id,
        "conversation_id": conversation.id,
        "kind": kind,
        "payload": dict(payload),
        "created_at": conversation.updated_at,
    }
    result = await connection.execute(_INSERT, values)
    return ConversationEvent(int(result.scalar_one()), kind, payload, message)


async def stored_events(
    connection: AsyncConnection,
    messages: MessageStore,
    workspace: WorkspaceId,
    conversation: ConversationId,
    *,
    after: int = 0,
) -> list[ConversationEvent]:
    """Events with an id above ``after``, oldest first; those of a message carry it as it is now."""
    query = (
        select(conversation_events)
        .where(
            conversation_events.c.workspace_id == workspace,
            conversation_events.c.conversation_id == conversation,
            conversation_events.c.id > after,
        )
        .order_by(conversation_events.c.id)
    )
    rows = (await connection.execute(query)).all()
    sequences = [row.payload["sequence"] for row in rows if "sequence" in row.payload]
    found = (
        await messages.after(connection, workspace, conversation, sequence=min(sequences) - 1)
        if sequences
        else []
    )
    by_id = {message.id: message for message in found}
    return [
        ConversationEvent(
            row.id, EventKind(row.kind), row.payload, by_id.get(row.payload.get("message_id", ""))
        )
        for row in rows
    ]
