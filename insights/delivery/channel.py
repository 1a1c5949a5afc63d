"""Where a digest goes, and the port that every way there fills."""

from __future__ import annotations

from typing import Protocol

from insights.delivery.edition import Edition


class Channel(Protocol):
    """One receiver. ``name`` says which, and is what is remembered of it; it holds nobody's address."""

    @property
    def name(self) -> str:
        """Such as ``webhook``; stable from one start to the next."""
        ...

    async def deliver(self, edition: Edition) -> None:
        """Hand it over. Raises ``DigestNotDelivered``; trying again may deliver it twice, under one key."""
        ...
