"""What people at the help desk do with a conversation: claim, reply, release, resolve."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, Field

from api import conversation_models as models
from api import wire
from api.deps import AgentCaller, ChatDep, ConversationPath
from api.idempotency import OnceDep
from api.problems import CONFLICT, NOT_FOUND, problems
from bot.conversation import Owner

router = APIRouter(
    prefix="/v1/conversations/{conversation_id}", tags=["help desk"], responses=problems(NOT_FOUND, CONFLICT)
)


class Claim(wire.Body):
    """Who takes a conversation."""

    agent: wire.Name = Field(description="Who it is, as their colleagues know them.", examples=["Maya"])


class Release(wire.Body):
    """Who gives a conversation back, and to whom."""

    agent: wire.Name = Field(examples=["Maya"])
    to: Literal["bot", "queue"] = Field("bot", examples=["queue"])


class Reply(wire.Body):
    """What a person says to the customer."""

    agent: wire.Name = Field(examples=["Maya"])
    text: wire.Text = Field(examples=["Hello, this is Maya. I have cancelled the order for you."])
    client_id: wire.ShortName | None = Field(None, examples=["r-1"])


class ErasedConversation(BaseModel):
    """What is gone."""

    erased: str = Field(description="The conversation's id.", examples=[wire.CONVERSATION_ID])


@router.delete("", operation_id="erase_conversation")
async def erase_conversation(
    chat: ChatDep, caller: AgentCaller, conversation_id: ConversationPath
) -> ErasedConversation:
    """Erase a conversation: messages, quotes, ratings, and signals that quote it with what tools wait for."""
    await chat.erase(caller.workspace_id, conversation_id)
    return ErasedConversation(erased=conversation_id)


@router.post("/claim", operation_id="claim_conversation")
async def claim(
    chat: ChatDep, caller: AgentCaller, conversation_id: ConversationPath, body: Claim
) -> models.Conversation:
    """Take a conversation; 409 names who has it already."""
    return models.Conversation.of(
        await chat.claim(caller.workspace_id, conversation_id, agent=body.agent), for_agent=True
    )


@router.post("/release", operation_id="release_conversation")
async def release(
    chat: ChatDep, caller: AgentCaller, conversation_id: ConversationPath, body: Release
) -> models.Conversation:
    """Give it back, to the bot or to the queue."""
    return models.Conversation.of(
        await chat.release(caller.workspace_id, conversation_id, agent=body.agent, to=Owner(body.to)),
        for_agent=True,
    )


@router.post("/resolve", operation_id="resolve_conversation")
async def resolve(
    chat: ChatDep, caller: AgentCaller, conversation_id: ConversationPath
) -> models.Conversation:
    """Close it: nothing more is owed. A further message of the customer opens it again."""
    return models.Conversation.of(await chat.resolve(caller.workspace_id, conversation_id), for_agent=True)


@router.post("/replies", operation_id="reply_as_agent", status_code=201, response_model=models.Message)
async def reply(
    chat: ChatDep, caller: AgentCaller, once: OnceDep, conversation_id: ConversationPath, body: Reply
) -> Response:
    """Say something to the customer, as the person who has claimed the conversation."""

    async def produce() -> models.Message:
        said = await chat.reply_as_agent(
            caller.workspace_id,
            conversation_id,
            agent=body.agent,
            text=body.text,
            client_id=body.client_id or once.client_id,
        )
        return models.Message.of(said, for_agent=True)

    return await once(produce)


@router.get("/briefing", operation_id="get_briefing")
async def briefing(chat: ChatDep, caller: AgentCaller, conversation_id: ConversationPath) -> models.Briefing:
    """What a person who takes over should know, without reading everything."""
    return models.Briefing.of(await chat.briefing(caller.workspace_id, conversation_id))
