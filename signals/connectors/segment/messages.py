"""A dispatch in Segment's words, and how many of those go into one call.

https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

from signals.connectors.connector import DeliveryRefused, Dispatch
from signals.connectors.mapping import FieldMapping
from signals.connectors.segment.settings import SegmentSettings
from signals.connectors.signal_document import instant

Message = dict[str, Any]

MOST_MESSAGE_BYTES = 32 * 1024
MOST_BATCH_BYTES = 500 * 1024
MOST_MESSAGES = 2500
_ENVELOPE = 256  # bytes around the messages of a batch, with room to spare
_LONGEST_ID = 100


def messages(dispatch: Dispatch, settings: SegmentSettings, mapping: FieldMapping) -> list[Message]:
    """Who the customer is, what was learned, and their company where it has an id.

    Each has the time at which the signal changed, so that old news stays old whenever it arrives, and a
    ``messageId`` that is the same at each try: targets that take a message twice keep it once. Raises
    ``DeliveryRefused`` where a message is larger than Segment takes.
    """
    contact, signal = dispatch.contact, dispatch.signal
    common = {
        "userId": contact.id,
        "timestamp": instant(signal.updated_at),
        "context": {"library": {"name": "careloop"}, "active": False},
    }
    traits = mapping.render("identify", dispatch)
    made = [
        {"type": "identify", "messageId": _id(dispatch, "identify"), "traits": traits, **common},
        {
            "type": "track",
            "messageId": _id(dispatch),
            "event": settings.event(signal.kind),
            "properties": mapping.render("track", dispatch),
            **common,
        },
    ]
    group = contact.attributes.get(settings.group_attribute) if settings.group_attribute else None
    if group:
        made.append(
            {
                "type": "group",
                "messageId": _id(dispatch, "group"),
                "groupId": str(group),
                "traits": mapping.render("group", dispatch),
                **common,
            }
        )
    for message in made:
        if _size(message) > MOST_MESSAGE_BYTES:
            raise DeliveryRefused(f"segment: the {message['type']} message is larger than 32 kB")
    return made


def batches(all_messages: Iterable[Message]) -> Iterator[list[Message]]:
    """``all_messages`` in their order, as many to a call as Segment takes."""
    batch: list[Message] = []
    size = _ENVELOPE
    for message in all_messages:
        added = _size(message) + 1  # and a comma
        if batch and (size + added > MOST_BATCH_BYTES or len(batch) == MOST_MESSAGES):
            yield batch
            batch, size = [], _ENVELOPE
        batch.append(message)
        size += added
    if batch:
        yield batch


def encoded(body: object) -> bytes:
    """``body`` as it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _size(message: Message) -> int:
    return len(encoded(message))


def _id(dispatch: Dispatch, kind: str | None = None) -> str:
    whole = f"{dispatch.key}.{kind}" if kind else dispatch.key
    return whole if len(whole) <= _LONGEST_ID else f"careloop-{sha256(whole.encode()).hexdigest()}"
