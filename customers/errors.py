"""Errors of customers.

CareloopError
├── Conflict
│   ├── CustomerErased
│   ├── EventOfAnother
│   └── MergeImpossible
├── InvalidInput
│   ├── EventInvalid
│   ├── FeedbackInvalid
│   ├── IdentityInvalid
│   └── ProfileInvalid
├── NotFound
│   ├── UnknownCustomer
│   ├── UnknownIdentity
│   └── UnknownMerge
└── Misconfigured
    └── RulesUnreadable
"""

from __future__ import annotations

from kit.errors import Conflict, InvalidInput, Misconfigured, NotFound


class IdentityInvalid(InvalidInput):
    """An e-mail address, a telephone number or an id is none; the detail does not repeat it."""

    code = "identity_invalid"


class ProfileInvalid(InvalidInput):
    """A profile would grow beyond what is kept of one customer."""

    code = "profile_invalid"


class EventInvalid(InvalidInput):
    """An event is too large, or names a stage that there is not."""

    code = "event_invalid"


class FeedbackInvalid(InvalidInput):
    """A score is not on the scale of its survey."""

    code = "feedback_invalid"


class UnknownCustomer(NotFound):
    """There is no such customer in this workspace."""

    code = "unknown_customer"


class UnknownIdentity(NotFound):
    """The customer has no such identity."""

    code = "unknown_identity"


class UnknownMerge(NotFound):
    """The customer has no such merge."""

    code = "unknown_merge"


class CustomerErased(Conflict):
    """An import would bring back a customer who was erased."""

    code = "customer_erased"


class EventOfAnother(Conflict):
    """The source has used the external id for an event of another customer."""

    code = "event_of_another"


class MergeImpossible(Conflict):
    """The two are one customer already, or the merge was undone before."""

    code = "merge_impossible"


class RulesUnreadable(Misconfigured):
    """The rules of the journey or the weights of health cannot be used; the detail names file and places."""

    code = "customer_rules_unreadable"
