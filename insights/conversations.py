"""Contacts out of stored conversations: turns with their labels, replies with their ratings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversation import AUTOMATIC, Author, EventKind, Owner, Status
from bot.labels import Labels, of_record
from insights.contact import AgentMessage, Contact, ContactKind, Heard, Reply, ReplyKind, Turn
from insights.persons import Persons
from insights.week import Period
from kit.ids import WorkspaceId
from store.encryption import Cipher
from store.engine import Database
from store.tables import conversation_events, conversations, feedback, messages
from triage.labels import Certainty, Origin, Sentiment, Triage

PAGE = 200  # contacts that are read at once
_LIKELY = 0.5  # an intent less likely than this is none
_UNHAPPY = frozenset({Sentiment.NEGATIVE, Sentiment.VERY_NEGATIVE})
_LITERAL = "literal"  # of a redaction mapping: what only looks like a placeholder


@dataclass(frozen=True, slots=True)
class _Page:
    """Rows of some conversations in a period; those of messages and events in order, by conversation."""

    conversations: Sequence[Row[Any]]
    messages: Mapping[str, Sequence[Row[Any]]]
    handovers: Mapping[str, datetime]
    ratings: Mapping[str, str]
    personal: Mapping[str, Mapping[str, str]]


class ConversationReader:
    """Reads conversations in which a customer wrote; what machines wrote in their name is left out.

    Without ``persons`` nothing is asked about customers: for counting, not for quoting.
    """

    def __init__(self, database: Database, cipher: Cipher, persons: Persons | None) -> None:
        self._database = database
        self._cipher = cipher
        self._persons = persons

    async def pages(self, workspace: WorkspaceId, period: Period) -> AsyncIterator[list[Contact]]:
        """Contacts of ``period``, page by page: of each conversation what was said in that time.

        A conversation that goes on over several weeks is a contact of each.
        """
        after = ""
        while True:
            async with self._database.read() as connection:
                page = await self._page(connection, workspace, period, after=after)
            if not page.conversations:
                return
            after = page.conversations[-1].id
            yield await asyncio.to_thread(self._contacts, page)

    async def _page(
        self, connection: AsyncConnection, workspace: WorkspaceId, period: Period, *, after: str
    ) -> _Page:
        rows = (await connection.execute(_conversations(workspace, period, after=after))).all()
        ids = [row.id for row in rows]
        said: dict[str, list[Row[Any]]] = {}
        for row in await connection.execute(_messages(workspace, period, ids)):
            said.setdefault(row.conversation_id, []).append(row)
        events = await connection.execute(_events(workspace, period, ids))
        handovers: dict[str, datetime] = {}
        for event in events:
            if event.payload.get("owner") != Owner.BOT:
                handovers.setdefault(event.conversation_id, event.created_at)
        rated = select(feedback.c.message_id, feedback.c.rating).where(
            feedback.c.workspace_id == workspace, feedback.c.conversation_id.in_(ids)
        )
        ratings = {row.message_id: row.rating for row in await connection.execute(rated)}
        personal = {}
        if self._persons is not None:
            for name in ids:
                personal[name] = await self._persons.personal(
                    connection, workspace, ContactKind.CONVERSATION, name
                )
        return _Page(rows, said, handovers, ratings, personal)

    def _contacts(self, page: _Page) -> list[Contact]:
        found = [self._contact(row, page) for row in page.conversations]
        return [contact for contact in found if contact.turns]

    def _contact(self, row: Row[Any], page: _Page) -> Contact:
        said = page.messages.get(row.id, ())
        turns = self._turns([one for one in said if one.author == Author.CUSTOMER])
        agents = tuple(
            AgentMessage(self._cipher.decrypt(one.text), one.created_at)
            for one in said
            if one.author == Author.AGENT
        )
        handed_over_at = page.handovers.get(row.id)
        return Contact(
            kind=ContactKind.CONVERSATION,
            id=row.id,
            channel=row.channel,
            at=said[0].created_at if said else row.created_at,
            turns=turns,
            replies=tuple(_reply(one, page.ratings) for one in said if one.author == Author.BOT),
            agents=agents,
            handed_over_at=handed_over_at,
            with_people=bool(agents) or handed_over_at is not None or row.owner != Owner.BOT,
            resolved=row.status == Status.RESOLVED,
            personal={**self._redacted(row), **_agent(row), **page.personal.get(row.id, {})},
        )

    def _redacted(self, row: Row[Any]) -> dict[str, str]:
        """What was replaced in any message of the conversation, with its kind."""
        if row.redactions is None:
            return {}
        mapping: Mapping[str, str] = json.loads(self._cipher.decrypt(row.redactions))
        kinds = {value: name[1:-1].rpartition("_")[0].lower() for name, value in mapping.items()}
        return {value: kind for value, kind in kinds.items() if kind != _LITERAL}

    def _turns(self, rows: Sequence[Row[Any]]) -> tuple[Turn, ...]:
        """The customer's turns: what was read together is one."""
        texts = {row.id: self._cipher.decrypt(row.text) for row in rows}
        labelled = {row.id: self._labels(row) for row in rows if row.labels is not None}
        within = {name for labels in labelled.values() if labels is not None for name in labels.messages[:-1]}
        return tuple(
            turn
            for row in rows
            if row.id not in within and (turn := _turn(row, texts, labelled.get(row.id))) is not None
        )

    def _labels(self, row: Row[Any]) -> Labels | None:
        return of_record(self._cipher.decrypt(row.labels))


def _agent(row: Row[Any]) -> dict[str, str]:
    return {} if row.agent is None else {row.agent: "name"}


def signals_of(triage: Triage) -> dict[str, Heard]:
    """The signals of ``triage`` with where the words stand that speak for them."""
    return {
        str(label.name): Heard(label.probability, tuple((one.start, one.end) for one in label.evidence))
        for label in triage.signals
    }


def intent_of(triage: Triage) -> str | None:
    """What a message is about; none where triage cannot say."""
    if triage.certainty is Certainty.OUT_OF_SCOPE or triage.intent.probability < _LIKELY:
        return None
    return triage.intent.name


def is_unhappy(triage: Triage) -> bool:
    """Whether the likeliest sentiment is a negative one."""
    return triage.sentiment.name in _UNHAPPY


def _turn(row: Row[Any], texts: Mapping[str, str], labels: Labels | None) -> Turn | None:
    if labels is None:
        return Turn(row.id, texts[row.id], row.created_at)
    triage = labels.triage
    if triage.origin.name != Origin.CUSTOMER:
        return None
    # Evidence counts in all messages that were read together, a line break between each two.
    parts = [texts[name] for name in labels.messages if name in texts]
    return Turn(
        row.id,
        "\n".join(parts) or texts[row.id],
        row.created_at,
        intent=intent_of(triage),
        sentiment=triage.sentiment_score,
        is_unhappy=is_unhappy(triage),
        signals=signals_of(triage),
        triage=triage,
    )


def _reply(row: Row[Any], ratings: Mapping[str, str]) -> Reply:
    reason = (row.trace or {}).get("reason")
    return Reply(
        row.id,
        row.reply_to,
        ReplyKind(row.kind),
        row.created_at,
        reason=None if reason is None else str(reason),
        rating=ratings.get(row.id),
    )


def _conversations(workspace: WorkspaceId, period: Period, *, after: str) -> Select[Any]:
    wrote = exists().where(
        messages.c.conversation_id == conversations.c.id,
        messages.c.author == Author.CUSTOMER,
        messages.c.kind != AUTOMATIC,
        messages.c.created_at >= period.start,
        messages.c.created_at < period.end,
    )
    return (
        select(conversations)
        .where(
            conversations.c.workspace_id == workspace,
            conversations.c.updated_at >= period.start,
            conversations.c.id > after,
            wrote,
        )
        .order_by(conversations.c.id)
        .limit(PAGE)
    )


def _messages(workspace: WorkspaceId, period: Period, ids: Iterable[str]) -> Select[Any]:
    return (
        select(messages)
        .where(
            messages.c.workspace_id == workspace,
            messages.c.conversation_id.in_(ids),
            messages.c.kind != AUTOMATIC,
            messages.c.created_at >= period.start,
            messages.c.created_at < period.end,
        )
        .order_by(messages.c.conversation_id, messages.c.sequence)
    )


def _events(workspace: WorkspaceId, period: Period, ids: Iterable[str]) -> Select[Any]:
    return (
        select(conversation_events)
        .where(
            conversation_events.c.workspace_id == workspace,
            conversation_events.c.conversation_id.in_(ids),
            conversation_events.c.kind == EventKind.OWNER,
            conversation_events.c.created_at >= period.start,
            conversation_events.c.created_at < period.end,
        )
        .order_by(conversation_events.c.id)
    )
