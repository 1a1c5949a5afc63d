"""Conversations and their messages, for customers and for whoever speaks in their name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response
from pydantic import Field

from api import conversation_models as models
from api import wire
from api.auth import Caller, require
from api.deps import (
    AnyCaller,
    AuthenticatorDep,
    ChatCaller,
    ChatDep,
    ConfigDep,
    ConversationPath,
    Limit,
    MessagePath,
    ServicesDep,
)
from api.idempotency import OnceDep
from api.ports import Chat
from api.problems import CONFLICT, NOT_FOUND, STREAM, problems
from api.sse import EventStream, Feed, conversation_frames, turn_frames
from api.triage_models import Headers
from bot.conversation import Message, Owner, Rating, Status
from bot.errors import UnknownConversation, UnknownMessage
from kit.ids import ConversationId
from store.access import Scope

router = APIRouter(prefix="/v1/conversations", tags=["conversations"], responses=problems())


class NewConversation(wire.Body):
    """A conversation to open."""

    channel: wire.Channel = Field("api", description="Where it takes place.", examples=["api"])


class NewMessage(wire.Body):
    """What the customer says."""

    text: wire.Text = Field(examples=[wire.QUESTION])
    client_id: wire.ShortName | None = Field(
        None, description="Your own id: the same one twice is the same message.", examples=["m-1"]
    )
    headers: Headers = Field(default_factory=dict)


class HandoverRequest(wire.Body):
    """Why a person should take over, and which queue it concerns."""

    reason: wire.Name = Field("asked_for_person", examples=["asked_for_person"])
    queue: wire.ShortName | None = Field(None, examples=["support"])


class Feedback(wire.Body):
    """What the customer thinks of a message."""

    rating: Rating = Field(examples=["up"])
    reason: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")] | None = Field(
        None, examples=["Short and clear."]
    )


async def reach(chat: ChatDep, caller: ChatCaller, conversation_id: ConversationPath) -> ConversationId:
    """The conversation's id, if the caller may know that it exists. Raises ``UnknownConversation``.

    Visitors reach their own; for keys the assistant itself looks at the workspace.
    """
    if caller.visitor_id is not None:
        conversation = await chat.get(caller.workspace_id, conversation_id)
        if conversation.visitor_id != caller.visitor_id:
            raise UnknownConversation(f"There is no conversation {conversation_id}.")
    return conversation_id


Reached = Annotated[ConversationId, Depends(reach)]


@router.post("", operation_id="open_conversation", status_code=201, response_model=models.Conversation)
async def open_conversation(
    chat: ChatDep, caller: ChatCaller, once: OnceDep, body: NewConversation
) -> Response:
    """Open a conversation. It belongs to the visitor whose token opens it."""

    async def produce() -> models.Conversation:
        opened = await chat.open(caller.workspace_id, channel=body.channel, visitor_id=caller.visitor_id)
        return models.Conversation.of(opened, for_agent=caller.is_agent)

    return await once(produce)


@router.get("", operation_id="list_conversations")
async def list_conversations(
    *,
    chat: ChatDep,
    caller: AnyCaller,
    owner: Owner | None = None,
    status: Status | None = None,
    queue: Annotated[wire.ShortName | None, Query(examples=["support"])] = None,
    before: Annotated[
        str | None, Query(pattern="^[A-Za-z0-9_-]{1,40}$", description="`next` of a page.")
    ] = None,
    limit: Limit = 50,
) -> models.ConversationPage:
    """Conversations, youngest first: a visitor's own, or with the scope `agent` all of the workspace.

    To ask for those of a queue needs that scope, too.
    """
    if caller.visitor_id is None or queue is not None:
        require(caller, Scope.AGENT)
    found = await chat.list(
        caller.workspace_id,
        owner=owner,
        status=status,
        queue=queue,
        visitor_id=caller.visitor_id,
        before=None if before is None else ConversationId(before),
        limit=limit,
    )
    items = [models.Conversation.of(conversation, for_agent=caller.is_agent) for conversation in found]
    return models.ConversationPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get("/{conversation_id}", operation_id="get_conversation", responses=problems(NOT_FOUND))
async def get_conversation(
    chat: ChatDep, caller: ChatCaller, conversation_id: Reached
) -> models.Conversation:
    """One conversation as it stands."""
    found = await chat.get(caller.workspace_id, conversation_id)
    return models.Conversation.of(found, for_agent=caller.is_agent)


@router.get("/{conversation_id}/messages", operation_id="list_messages", responses=problems(NOT_FOUND))
async def list_messages(
    chat: ChatDep,
    caller: ChatCaller,
    conversation_id: Reached,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="Only those with a higher sequence.")] = 0,
    limit: Limit = 200,
) -> models.MessagePage:
    """Messages, oldest first."""
    found = await chat.messages(caller.workspace_id, conversation_id, after=after, limit=limit)
    items = [models.Message.of(message, for_agent=caller.is_agent) for message in found]
    return models.MessagePage(items=items, next=items[-1].sequence if len(items) == limit else None)


@router.post(
    "/{conversation_id}/messages",
    operation_id="send_message",
    status_code=201,
    response_model=models.Turn,
    responses={**problems(NOT_FOUND, CONFLICT), 200: STREAM},
)
async def send_message(
    *,
    request: Request,
    chat: ChatDep,
    caller: ChatCaller,
    once: OnceDep,
    conversation_id: Reached,
    body: NewMessage,
) -> Response:
    """Say something as the customer and get the reply.

    With `Accept: text/event-stream` the reply comes as events while it is written: `token` (pieces of a
    draft), `citation`, `message` (what counts), and `done` at the end; agents get `labels`, too.

    Of an e-mail, send the headers: what a machine answered by itself, or sent back, gets no reply.
    """
    client_id = body.client_id or once.client_id
    # A browser has none to send: what a visitor of the page writes is always answered.
    headers = body.headers if caller.visitor_id is None else {}
    if _wants_stream(request):
        await once.check()
        accept = partial(
            chat.accept,
            caller.workspace_id,
            conversation_id,
            body.text,
            client_id=client_id,
            headers=headers,
        )
        return await _stream_turn(request, caller, conversation_id, accept)

    async def produce() -> models.Turn:
        said = await chat.send(
            caller.workspace_id, conversation_id, body.text, client_id=client_id, headers=headers
        )
        return models.Turn.of(said, for_agent=caller.is_agent)

    return await once(produce)


@router.get(
    "/{conversation_id}/events",
    operation_id="follow_conversation",
    status_code=200,
    response_class=EventStream,
    responses={**problems(NOT_FOUND), 200: STREAM},
)
async def follow_conversation(
    *,
    request: Request,
    services: ServicesDep,
    config: ConfigDep,
    authenticator: AuthenticatorDep,
    caller: ChatCaller,
    conversation_id: Reached,
    last_event_id: Annotated[
        str, Header(alias="Last-Event-ID", pattern="^[0-9]{1,18}$", description="Where to go on from.")
    ] = "0",
) -> EventStream:
    """Everything that happens in a conversation, as server-sent events without end.

    A reader that was cut off goes on where it was with `Last-Event-ID`, which browsers send by themselves.
    """
    chat = services.chat
    await chat.get(caller.workspace_id, conversation_id)
    feed = Feed(
        chat.events(caller.workspace_id, conversation_id, after=int(last_event_id)), stop=services.stopping
    )
    return EventStream(
        conversation_frames(
            feed,
            heartbeat=config.heartbeat.total_seconds(),
            for_agent=caller.is_agent,
            admitted=partial(authenticator.still_admits, request),
        )
    )


@router.post("/{conversation_id}/handoff", operation_id="hand_over", responses=problems(NOT_FOUND, CONFLICT))
async def hand_over(
    chat: ChatDep, caller: ChatCaller, conversation_id: Reached, body: HandoverRequest
) -> models.Conversation:
    """Ask for a person: the conversation waits in a queue, and the bot says nothing more.

    Without a `queue` it is the one that triage is sure of, else the one that is configured.
    """
    waiting = await chat.hand_over(caller.workspace_id, conversation_id, reason=body.reason, queue=body.queue)
    return models.Conversation.of(waiting, for_agent=caller.is_agent)


@router.put(
    "/{conversation_id}/messages/{message_id}/feedback",
    operation_id="rate_message",
    status_code=204,
    responses=problems(NOT_FOUND),
)
async def rate_message(
    chat: ChatDep, caller: ChatCaller, conversation_id: Reached, message_id: MessagePath, body: Feedback
) -> None:
    """Say what the customer thinks of a message; a later opinion takes the place of an earlier one."""
    await chat.rate(caller.workspace_id, conversation_id, message_id, rating=body.rating, reason=body.reason)


@router.get(
    "/{conversation_id}/messages/{message_id}/citations/{number}",
    operation_id="open_citation",
    responses=problems(NOT_FOUND),
)
async def open_citation(
    services: ServicesDep,
    caller: ChatCaller,
    conversation_id: Reached,
    message_id: MessagePath,
    number: Annotated[int, wire.FromOne],
) -> wire.QuotedDocument:
    """The document that a citation quotes, as it was when it was quoted, with the place of the quote.

    Needs no access to the knowledge base: only what was quoted in this conversation is shown.
    """
    message = await services.chat.message(caller.workspace_id, message_id)
    place = wire.places(message.citations).get(number)
    if message.conversation_id != conversation_id or place is None:
        raise UnknownMessage(
            f"There is no message {message_id} with a citation {number} in this conversation."
        )
    version = await services.catalogue.version(caller.workspace_id, place.version_id)
    return wire.QuotedDocument.of(version, start=place.start, end=place.end)


async def _stream_turn(
    request: Request,
    caller: Caller,
    conversation_id: ConversationId,
    accept: Callable[[], Awaitable[Message]],
) -> EventStream:
    services, config = request.app.state.services, request.app.state.config
    chat: Chat = services.chat
    feed = Feed(chat.events(caller.workspace_id, conversation_id), stop=services.stopping)
    try:
        await feed.begin()
        message = await accept()
    except BaseException:
        feed.close()
        raise
    return EventStream(
        turn_frames(
            feed,
            message,
            state=partial(chat.get, caller.workspace_id, conversation_id),
            heartbeat=config.heartbeat.total_seconds(),
            for_agent=caller.is_agent,
        )
    )


def _wants_stream(request: Request) -> bool:
    return "text/event-stream" in request.headers.get("accept", "")
