"""What happened with a customer, on whichever channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from kit.ids import CustomerId

EventId = NewType("EventId", str)


class EventKind(StrEnum):
    """Where an event is from."""

    CHAT = "chat"
    EMAIL = "email"
    TICKET = "ticket"
    SURVEY = "survey"
    REVIEW = "review"
    CRM = "crm"
    USAGE = "usage"
    PAYMENT = "payment"
    CAMPAIGN = "campaign"
    STAGE = "stage"  # a person says where the customer stands; its name is the stage


CONTACTS = frozenset({EventKind.CHAT, EventKind.EMAIL, EventKind.TICKET})
# Names of events of those kinds that say how a contact ended, and are none of their own.
CONTACT_RESOLVED, CONTACT_REOPENED = "resolved", "reopened"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event as it comes in; ``source`` says whose ``external_id`` it is.

    ``name`` is what happened (``order_placed``, ``csat``). ``score`` is a survey's on its own scale, of
    contacts the sentiment in [-1, 1], of usage and payments the amount. ``payload`` is what else there is.
    """

    kind: EventKind
    name: str
    source: str
    external_id: str
    occurred_at: datetime
    score: float | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a customer's timeline. ``origin`` is whose it was before a merge, else the customer."""

    id: EventId
    customer: CustomerId
    origin: CustomerId
    kind: EventKind
    name: str
    source: str
    external_id: str
    score: float | None
    payload: Mapping[str, Any]
    occurred_at: datetime
    recorded_at: datetime

    @property
    def order(self) -> tuple[datetime, str]:
        """What a timeline is sorted by."""
        return self.occurred_at, self.id

    @property
    def is_contact(self) -> bool:
        """Whether the customer got in touch by it."""
        return self.kind in CONTACTS and self.name not in {CONTACT_RESOLVED, CONTACT_REOPENED}
