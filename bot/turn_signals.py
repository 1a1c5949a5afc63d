"""Signals of what customers say to the assistant, stored in the transaction that stores its labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import Conversation, Message
from bot.labels import Labels
from signals.customer import Customers
from signals.detection import Heard, Part
from signals.intake import SignalIntake
from signals.predictions.contact_counts import TurnContact, record_turn
from triage.labels import Origin


class TurnSignals:
    """A ``bot.labelling.LabelsReader``; of a conversation whose customer nobody knows there are no signals.

    A turn is heard of once, by the last of its messages. ``base_url`` is the address of this server, to which
    signals link.
    """

    def __init__(self, intake: SignalIntake, customers: Customers, *, base_url: str) -> None:
        self._intake = intake
        self._customers = customers
        self._base_url = base_url.rstrip("/")

    async def labelled(
        self,
        connection: AsyncConnection,
        conversation: Conversation,
        turn: Sequence[Message],
        labels: Labels,
        *,
        at: datetime,
    ) -> None:
        """See ``LabelsReader``."""
        workspace = conversation.workspace_id
        said = labels.triage
        if said.origin.name == Origin.CUSTOMER:
            queue = labels.route.queue or said.queue.name
            about = TurnContact(turn[-1].id, conversation.id, said.intent.name, queue, at)
            await record_turn(connection, workspace, about)
        customer = await self._customers.of_conversation(connection, workspace, conversation.id)
        if customer is None:
            return
        heard = Heard(
            origin=turn[-1].id,
            triage=labels.triage,
            text="\n".join(message.text for message in turn),
            parts=tuple(_parts(turn)),
            conversation_id=conversation.id,
            link=f"{self._base_url}/v1/conversations/{conversation.id}",
        )
        await self._intake.take(connection, workspace, customer, heard, at=at)

    async def ended(
        self, connection: AsyncConnection, conversation: Conversation, *, solved: bool, at: datetime
    ) -> None:
        """See ``LabelsReader``: the timeline of the customer says how it ended."""
        customer = await self._customers.of_conversation(
            connection, conversation.workspace_id, conversation.id
        )
        if customer is not None:
            await self._customers.ended(
                connection, conversation.workspace_id, customer.id, conversation.id, solved=solved, at=at
            )


def _parts(turn: Sequence[Message]) -> Iterator[Part]:
    start = 0
    for message in turn:
        yield Part(message.id, start, start + len(message.text))
        start += len(message.text) + 1  # the line break between two
