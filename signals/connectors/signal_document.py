"""A dispatch as one plain JSON object: what a webhook, a file and a customer data platform are told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from signals.connectors.connector import Contact, Dispatch
from signals.signal import Quote, Signal


def instant(at: datetime) -> str:
    """``at`` in UTC as RFC 3339, with milliseconds and ``Z``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def signal_document(signal: Signal) -> dict[str, Any]:
    """Every field of a signal, by its name; what it does not have is null."""
    return {
        "id": signal.id,
        "workspace_id": signal.workspace_id,
        "customer_id": signal.customer_id,
        "kind": signal.kind.value,
        "probability": signal.probability,
        "score": signal.score,
        "evidence": [_quote(quote) for quote in signal.evidence],
        "source": signal.source,
        "model": signal.model,
        "team": signal.team.value,
        "owner": signal.owner,
        "next_action": signal.next_action,
        "conversation_id": signal.conversation_id,
        "ticket_id": signal.ticket_id,
        "link": signal.link,
        "occurrences": signal.occurrences,
        "revision": signal.revision,
        "created_at": instant(signal.created_at),
        "updated_at": instant(signal.updated_at),
        "expires_at": instant(signal.expires_at),
    }


def contact_document(contact: Contact) -> dict[str, Any]:
    """What is known of the customer, by its name; what is not known is null."""
    return {
        "id": contact.id,
        "email": contact.email,
        "phone": contact.phone,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "company": contact.company,
        "attributes": dict(contact.attributes),
    }


def dispatch_document(dispatch: Dispatch) -> dict[str, Any]:
    """``{"signal": …, "contact": …}``. The ids that other targets gave the customer stay with us."""
    return {"signal": signal_document(dispatch.signal), "contact": contact_document(dispatch.contact)}


def _quote(quote: Quote) -> dict[str, Any]:
    return {
        "text": quote.text,
        "start": quote.start,
        "end": quote.end,
        "weight": quote.weight,
        "message_id": quote.message_id,
    }
