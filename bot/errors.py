"""Errors of conversations.

CareloopError
├── InvalidInput
│   ├── EmptyMessage
│   └── MessageTooLong
├── NotFound
│   ├── UnknownConversation
│   └── UnknownMessage
└── Conflict
    ├── AlreadyClaimed
    └── WrongOwner
"""

from __future__ import annotations

from kit.errors import Conflict, InvalidInput, NotFound


class EmptyMessage(InvalidInput):
    """The message holds no visible character."""

    code = "empty_message"


class MessageTooLong(InvalidInput):
    """The message is longer than ``bot.intake.LONGEST_MESSAGE`` characters."""

    code = "message_too_long"


class UnknownConversation(NotFound):
    """No such conversation in this workspace."""

    code = "unknown_conversation"


class UnknownMessage(NotFound):
    """No such message in this workspace or conversation."""

    code = "unknown_message"


class AlreadyClaimed(Conflict):
    """Another person has the conversation; the detail says who."""

    code = "already_claimed"


class WrongOwner(Conflict):
    """Whoever owns the conversation now does not allow this step."""

    code = "wrong_owner"
