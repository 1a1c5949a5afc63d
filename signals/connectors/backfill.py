"""What a connector does that can be told of many signals at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from kit.ids import SignalId
from signals.connectors.connector import Dispatch


@dataclass(frozen=True, slots=True)
class Backfilled:
    """How many signals a target took, how many it knew already, and which it refused, with its reason."""

    taken: int = 0
    known: int = 0
    refused: Mapping[SignalId, str] = field(default_factory=dict)


@runtime_checkable
class BackfillTool(Protocol):
    """A connector with a way for many. It asks nobody for consent: ``signals.delivery.backfill`` does."""

    async def backfill(self, dispatches: Sequence[Dispatch]) -> Backfilled:
        """Tell all of ``dispatches``; again is safe. Raises ``DeliveryFailed`` and ``DeliveryRefused``."""
        ...
