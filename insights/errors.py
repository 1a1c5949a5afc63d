"""Errors of insights.

CareloopError
├── InvalidInput
│   └── WeekInvalid
├── Conflict
│   ├── DigestUnderWay
│   └── NowhereToSend
└── Unavailable
    └── DigestNotDelivered
"""

from __future__ import annotations

from kit.errors import Conflict, InvalidInput, Unavailable


class WeekInvalid(InvalidInput):
    """What was asked for is no week, or one that has not begun."""

    code = "week_invalid"


class DigestUnderWay(Conflict):
    """Another server is sending the digest at this moment."""

    code = "digest_under_way"


class NowhereToSend(Conflict):
    """The workspace has neither recipients, nor a webhook, nor a folder for its digest."""

    code = "nowhere_to_send"


class DigestNotDelivered(Unavailable):
    """A channel did not take the digest; trying again later may help."""

    code = "digest_not_delivered"
