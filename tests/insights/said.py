"""Contacts of a small shop, as a digest sees them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from insights.contact import AgentMessage, Contact, ContactKind, Heard, Reply, ReplyKind, Spans, Turn

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


def turn(
    text: str,
    *,
    at: datetime = MONDAY,
    name: str = "msg_1",
    intent: str | None = None,
    sentiment: float | None = 0.0,
    signals: Mapping[str, tuple[float, Spans]] | None = None,
) -> Turn:
    """A turn that was triaged, unless ``sentiment`` is none."""
    return Turn(
        name,
        text,
        at,
        intent=intent,
        sentiment=sentiment,
        is_unhappy=sentiment is not None and sentiment < -0.3,
        signals={kind: Heard(*heard) for kind, heard in (signals or {}).items()},
    )


def reply(
    kind: ReplyKind = ReplyKind.ANSWER,
    *,
    to: str = "msg_1",
    minutes: float = 0.1,
    reason: str | None = None,
    rating: str | None = None,
) -> Reply:
    """What the bot said so many minutes after Monday at nine."""
    at = MONDAY + timedelta(minutes=minutes)
    return Reply(f"rep_{to}_{minutes}", to, kind, at, reason=reason, rating=rating)


def contact(
    *turns: Turn,
    name: str = "conv_1",
    replies: tuple[Reply, ...] = (),
    agents: tuple[str, ...] = (),
    handed_over: bool = False,
    resolved: bool = False,
    personal: Mapping[str, str] | None = None,
    kind: ContactKind = ContactKind.CONVERSATION,
) -> Contact:
    """A conversation; people answer ten minutes after it was handed over, which is a minute after nine."""
    said = tuple(AgentMessage(text, MONDAY + timedelta(minutes=11)) for text in agents)
    handed_over = handed_over or bool(agents)
    return Contact(
        kind,
        name,
        "web",
        turns[0].at,
        turns,
        replies=replies,
        agents=said,
        handed_over_at=MONDAY + timedelta(minutes=1) if handed_over else None,
        with_people=handed_over,
        resolved=resolved,
        personal=personal or {},
    )
