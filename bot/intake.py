"""What a customer wrote is stored before anything else happens: from then on it is not lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot import handoff
from bot.conversation import AUTOMATIC, MESSAGE, Author, Conversation, EventKind, Message, Owner, Status
from bot.conversation_events import record
from bot.conversations import ConversationStore
from bot.errors import EmptyMessage, MessageTooLong
from bot.labelling import Labelling
from bot.live import Live
from kit.clock import Clock
from kit.ids import ConversationId, WorkspaceId
from store.engine import Database
from triage.automatic import automatic_origin
from triage.labels import Origin

LONGEST_MESSAGE = 8000  # characters; a long e-mail has about 3,000
# Machines whose mail nobody answers: they would answer that, and so on. A newsletter is none of them, for its
# headers are also those of people who write through a mailing list; nor is what only reads like a machine's,
# for of our held-out messages the words of none made an automatic reply as likely as not.
_MACHINES = frozenset({Origin.AUTO_REPLY, Origin.BOUNCE})


class Intake:
    """Takes in the messages of customers."""

    def __init__(
        self,
        *,
        database: Database,
        conversations: ConversationStore,
        labelling: Labelling,
        live: Live,
        clock: Clock,
    ) -> None:
        self._database = database
        self._conversations = conversations
        self._labelling = labelling
        self._live = live
        self._clock = clock

    async def accept(
        self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        text: str,
        *,
        client_id: str | None,
        headers: Mapping[str, str],
    ) -> tuple[Conversation, Message]:
        """The message, stored, and the conversation after it, which it opens again if it was resolved.

        One with a ``client_id`` that is there already is not stored again. What a machine sent, by the
        e-mail's ``headers``, is of kind ``AUTOMATIC`` and changes nothing. Raises as ``check_text``.
        """
        check_text(text)
        automatic = automatic_origin(headers) in _MACHINES
        now = self._clock.now()
        events = []
        async with self._database.write() as connection:
            state = await self._conversations.get(connection, workspace, conversation, lock=True)
            if client_id and (
                known := await self._conversations.messages.by_client_id(connection, conversation, client_id)
            ):
                return state, known
            reopened = state.status is Status.RESOLVED and not automatic
            state = replace(handoff.customer_wrote(state) if reopened else state, updated_at=now)
            if reopened:
                payload = {"status": str(state.status)}
                events.append(await record(connection, state, kind=EventKind.STATUS, payload=payload))
                await self._labelling.ended(connection, state, solved=False, at=now)
            message, event = await self._conversations.append(
                connection,
                state,
                author=Author.CUSTOMER,
                text=text,
                kind=AUTOMATIC if automatic else MESSAGE,
                client_id=client_id,
            )
            events.append(event)
        for event in events:
            self._live.publish(conversation, event)
        if automatic or state.owner is not Owner.BOT:  # else the turn that answers it has it labelled
            self._labelling.begin(state, [message], headers=headers)
        return state, message


def check_text(text: str) -> None:
    """Raise ``EmptyMessage`` or ``MessageTooLong`` for what nobody can answer."""
    if not text.strip():
        raise EmptyMessage("The message is empty.")
    if len(text) > LONGEST_MESSAGE:
        raise MessageTooLong(
            f"The message has {len(text):,} characters; {LONGEST_MESSAGE:,} is the most that is accepted."
        )
