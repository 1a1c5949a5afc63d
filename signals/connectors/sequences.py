"""What a marketing tool does that carries out sequences: lets customers in, and takes them out."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from signals.connectors.connector import DeliveryRefused, Dispatch, Receipt


@runtime_checkable
class SequenceTool(Protocol):
    """A connector whose target carries out sequences under names of its own (``journey``).

    ``dispatch.key`` is the idempotency key of the command, ``dispatch.signal`` what enrolled the customer.
    Doing either twice is doing it once.
    """

    async def enrol(self, dispatch: Dispatch, journey: str) -> Receipt:
        """Let the customer in. Raises ``DeliveryFailed`` or ``DeliveryRefused``."""
        ...

    async def leave(self, dispatch: Dispatch, journey: str) -> Receipt:
        """Take the customer out; done where the target does not know them. Raises the same."""
        ...


def no_such_sequence(tool: str, journey: str) -> DeliveryRefused:
    """The refusal where the connector's settings do not say what ``journey`` is there."""
    return DeliveryRefused(f"{tool}: the setting `sequences` does not say what {journey!r} is there")
