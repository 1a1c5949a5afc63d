"""Who owns a conversation, as a state machine: the functions below are the only way to change it.

    bot ──hand_over──> queue ──claim──> human ──release──> bot | queue
     └────────────────claim───────────────^
    any ──resolve──> resolved ──customer_wrote──> bot

Each takes the conversation as it stands in the running transaction and returns it as it shall be.
"""

from __future__ import annotations

from dataclasses import replace

from bot.conversation import Conversation, Owner, Status
from bot.errors import AlreadyClaimed, WrongOwner
from triage.labels import Priority


def hand_over(conversation: Conversation, *, queue: str, priority: Priority | None = None) -> Conversation:
    """From the bot to ``queue``. Waiting already: unchanged. Raises ``WrongOwner`` when a person has it."""
    _require_open(conversation)
    match conversation.owner:
        case Owner.BOT:
            return replace(conversation, owner=Owner.QUEUE, queue=queue, priority=priority)
        case Owner.QUEUE:
            return conversation
        case Owner.HUMAN:
            raise WrongOwner(f"{conversation.agent} already has this conversation.")


def claim(conversation: Conversation, *, agent: str) -> Conversation:
    """To ``agent``. Theirs already: unchanged. Raises ``AlreadyClaimed`` when another person has it."""
    _require_open(conversation)
    if conversation.owner is Owner.HUMAN and conversation.agent != agent:
        raise AlreadyClaimed(f"{conversation.agent} already has this conversation.")
    return replace(conversation, owner=Owner.HUMAN, agent=agent, queue=None)


def release(conversation: Conversation, *, agent: str, to: Owner, queue: str) -> Conversation:
    """From ``agent`` back to the bot or to ``queue``. Raises ``WrongOwner`` unless ``agent`` has it."""
    _require_open(conversation)
    require_holder(conversation, agent=agent)
    if to is Owner.HUMAN:
        raise WrongOwner("A conversation is released to the bot or to a queue; another person claims it.")
    if to is Owner.QUEUE:
        return replace(conversation, owner=to, agent=None, queue=queue)
    return replace(conversation, owner=to, agent=None, queue=None, priority=None)


def resolve(conversation: Conversation) -> Conversation:
    """Nothing more is owed. Resolved already: unchanged."""
    return replace(
        conversation, status=Status.RESOLVED, owner=Owner.BOT, agent=None, queue=None, priority=None
    )


def customer_wrote(conversation: Conversation) -> Conversation:
    """A resolved conversation opens again, with the bot; an open one stays as it is."""
    return replace(conversation, status=Status.OPEN)


def require_holder(conversation: Conversation, *, agent: str) -> None:
    """Raise ``WrongOwner`` unless ``agent`` has the conversation."""
    if conversation.owner is not Owner.HUMAN or conversation.agent != agent:
        holder = conversation.agent if conversation.owner is Owner.HUMAN else f"the {conversation.owner}"
        raise WrongOwner(f"This needs {agent} to have claimed the conversation; {holder} has it.")


def _require_open(conversation: Conversation) -> None:
    if conversation.status is Status.RESOLVED:
        raise WrongOwner("The conversation is resolved; a new message from the customer opens it again.")
