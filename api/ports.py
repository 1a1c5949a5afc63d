"""What the routes need from the layers below, as protocols: the real parts and the tests' fakes fill them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from bot.answer import Answer
from bot.conversation import (
    Briefing,
    Conversation,
    ConversationEvent,
    Message,
    Owner,
    Rating,
    Status,
    TurnResult,
)
from kit.ids import ConversationId, MessageId, WorkspaceId
from knowledge_base.report import Progress, SyncReport
from knowledge_base.sources.source import Source, SourceKind
from retrieval import HistoryTurn

# Makes the source of a kind at a location. Raises ``SourceInvalid`` or ``UnsafeAddress``.
OpenSource = Callable[[SourceKind, str], Source]
# A readiness check: returns when its part works, raises a CareloopError that says why it does not.
Check = Callable[[], Awaitable[None]]


class Chat(Protocol):
    """Conversations and answers; ``bot.assistant.Assistant`` is the real one."""

    async def open(
        self, workspace_id: WorkspaceId, *, channel: str = "api", visitor_id: str | None = None
    ) -> Conversation:
        """A new conversation, owned by the bot."""
        ...

    async def get(self, workspace_id: WorkspaceId, conversation_id: ConversationId) -> Conversation:
        """The conversation. Raises ``NotFound``."""
        ...

    async def list(
        self,
        workspace_id: WorkspaceId,
        *,
        owner: Owner | None = None,
        status: Status | None = None,
        queue: str | None = None,
        visitor_id: str | None = None,
        before: ConversationId | None = None,
        limit: int = 50,
    ) -> Sequence[Conversation]:
        """Conversations, youngest first, opened before the one named ``before``."""
        ...

    async def messages(
        self, workspace_id: WorkspaceId, conversation_id: ConversationId, *, after: int = 0, limit: int = 200
    ) -> Sequence[Message]:
        """Messages with a sequence above ``after``, oldest first."""
        ...

    async def message(self, workspace_id: WorkspaceId, message_id: MessageId) -> Message:
        """One message. Raises ``NotFound``."""
        ...

    async def send(
        self,
        workspace_id: WorkspaceId,
        conversation_id: ConversationId,
        text: str,
        *,
        client_id: str | None = None,
        headers: Mapping[str, str] = ...,
    ) -> TurnResult:
        """Store the customer's message and wait for the reply."""
        ...

    async def accept(
        self,
        workspace_id: WorkspaceId,
        conversation_id: ConversationId,
        text: str,
        *,
        client_id: str | None = None,
        headers: Mapping[str, str] = ...,
    ) -> Message:
        """Store the customer's message; the reply comes as events."""
        ...

    def events(
        self, workspace_id: WorkspaceId, conversation_id: ConversationId, *, after: int = 0
    ) -> AsyncIterator[ConversationEvent]:
        """Stored events after ``after``, then live ones without end."""
        ...

    async def reply_as_agent(
        self,
        workspace_id: WorkspaceId,
        conversation_id: ConversationId,
        *,
        agent: str,
        text: str,
        client_id: str | None = None,
    ) -> Message:
        """Store what a person says to the customer."""
        ...

    async def hand_over(
        self,
        workspace_id: WorkspaceId,
        conversation_id: ConversationId,
        *,
        reason: str,
        queue: str | None = None,
    ) -> Conversation:
        """Put the conversation into a queue, where it waits for a person."""
        ...

    async def erase(self, workspace_id: WorkspaceId, conversation_id: ConversationId) -> None:
        """Delete the conversation with all that was said in it. Raises ``NotFound``."""
        ...

    async def claim(
        self, workspace_id: WorkspaceId, conversation_id: ConversationId, *, agent: str
    ) -> Conversation:
        """Give it to a person. Raises ``Conflict`` if another has it."""
        ...

    async def release(
        self, workspace_id: WorkspaceId, conversation_id: ConversationId, *, agent: str, to: Owner
    ) -> Conversation:
        """Give it back, to the bot or to the queue."""
        ...

    async def resolve(self, workspace_id: WorkspaceId, conversation_id: ConversationId) -> Conversation:
        """Close it: nothing is owed to the customer."""
        ...

    async def briefing(self, workspace_id: WorkspaceId, conversation_id: ConversationId) -> Briefing:
        """What a person who takes over should know."""
        ...

    async def rate(
        self,
        workspace_id: WorkspaceId,
        conversation_id: ConversationId,
        message_id: MessageId,
        *,
        rating: Rating,
        reason: str | None = None,
    ) -> None:
        """Store what the customer thought of a message; a second rating replaces the first."""
        ...

    async def ask(
        self, workspace_id: WorkspaceId, text: str, *, history: Sequence[HistoryTurn] = ()
    ) -> Answer:
        """An answer that is not stored."""
        ...


class Synchroniser(Protocol):
    """Keeps the knowledge base in step with sources, as ``knowledge_base.sync.Synchroniser`` does."""

    async def sync(
        self, workspace_id: WorkspaceId, source: Source, *, progress: Progress | None = None
    ) -> SyncReport:
        """Make the workspace hold what ``source`` holds now."""
        ...
