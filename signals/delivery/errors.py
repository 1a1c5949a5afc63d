"""Errors of deliveries.

CareloopError
├── NotFound
│   ├── UnknownDelivery
│   └── UnknownConnector
└── Conflict
    └── NotReplayable
"""

from __future__ import annotations

from kit.errors import Conflict, NotFound


class UnknownDelivery(NotFound):
    """There is no such delivery in the workspace."""

    code = "unknown_delivery"


class UnknownConnector(NotFound):
    """No connector of that name is on in the workspace."""

    code = "unknown_connector"


class NotReplayable(Conflict):
    """The delivery has not come to a bad end: there is nothing to be put right."""

    code = "not_replayable"
