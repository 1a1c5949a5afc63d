"""Who is asking: one view of a customer across channels, and what they have consented to."""

from customers.book import CustomerBook, Everything
from customers.consent import (
    ConsentChannel,
    ConsentHistory,
    ConsentState,
    ContactDecision,
    Purpose,
    may_contact,
)
from customers.consents import NewConsent
from customers.customer import Customer, Money, Profile
from customers.event import Event, EventId, EventKind, NewEvent
from customers.feedback import Feedback, FeedbackKind
from customers.health import Health
from customers.identity import Identity, IdentityId, IdentityKind
from customers.journey import Stage
from customers.merges import Merge, MergeId, MergeReason

__all__ = [
    "ConsentChannel",
    "ConsentHistory",
    "ConsentState",
    "ContactDecision",
    "Customer",
    "CustomerBook",
    "Event",
    "EventId",
    "EventKind",
    "Everything",
    "Feedback",
    "FeedbackKind",
    "Health",
    "Identity",
    "IdentityId",
    "IdentityKind",
    "Merge",
    "MergeId",
    "MergeReason",
    "Money",
    "NewConsent",
    "NewEvent",
    "Profile",
    "Purpose",
    "Stage",
    "may_contact",
]
