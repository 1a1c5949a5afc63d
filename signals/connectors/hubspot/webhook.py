"""What HubSpot calls us with: signature v3 checked, then the deals that it names."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from signals.connectors.inbound import InboundInvalid, WebhookUnverified, check_time

_WINDOW = timedelta(minutes=5)  # "Validating requests": older ones are rejected
# "Decode URL-encoded characters" of the same guide: these and no others, "?" of a query apart.
_DECODED = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}
_ENCODED = re.compile("|".join(_DECODED), re.IGNORECASE)
_DEAL_CHANGES = frozenset(
    {"deal.propertyChange", "deal.creation", "object.propertyChange", "object.creation"}
)
_DEAL_TYPE = "0-3"


class WebhookRefused(WebhookUnverified):
    """A call that HubSpot cannot be shown to have made."""

    code = "webhook_refused"
    title = "The webhook's signature does not hold"


def check_signature(
    secret: str | None,
    *,
    method: str,
    uri: str,
    body: bytes,
    signature: str | None,
    timestamp: str | None,
    now: datetime,
) -> None:
    """Raise ``WebhookRefused`` unless ``X-HubSpot-Signature-v3`` holds.

    Raises ``WebhookSkewed`` unless it is of the last five minutes.
    """
    if not secret:
        raise WebhookRefused("No client secret is set for HubSpot, so no webhook can be checked.")
    if not signature or not timestamp:
        raise WebhookRefused("The headers X-HubSpot-Signature-v3 and X-HubSpot-Request-Timestamp are needed.")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 14):
        raise WebhookRefused("X-HubSpot-Request-Timestamp must be milliseconds since 1970.")
    check_time(int(timestamp) / 1000, now=now, tolerance=_WINDOW)
    said = method.upper().encode() + _decoded(uri).encode() + body + timestamp.encode()
    expected = base64.b64encode(hmac.new(secret.encode(), said, hashlib.sha256).digest())
    if not hmac.compare_digest(expected, signature.encode()):
        raise WebhookRefused("The signature is not that of this request.")


@dataclass(frozen=True, slots=True)
class Changed:
    """``deals`` are the ids of those that changed, each once; ``others`` counts events of other things."""

    deals: list[str]
    others: int


def changed_deals(body: bytes) -> Changed:
    """What ``body`` speaks of. Raises ``InboundInvalid``."""
    try:
        events = json.loads(body)
        if not isinstance(events, list):
            raise TypeError  # noqa: TRY301 (one answer to all that is malformed)
        of_deals = [
            str(int(event["objectId"]))
            for event in events
            if event["subscriptionType"] in _DEAL_CHANGES
            and str(event.get("objectTypeId", _DEAL_TYPE)) == _DEAL_TYPE
        ]
        return Changed(list(dict.fromkeys(of_deals)), len(events) - len(of_deals))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise InboundInvalid("The body is no list of HubSpot events.") from None


def _decoded(uri: str) -> str:
    return _ENCODED.sub(lambda found: _DECODED[found[0].upper()], uri)
