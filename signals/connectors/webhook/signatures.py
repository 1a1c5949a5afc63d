"""Signatures of Standard Webhooks, made and checked. https://www.standardwebhooks.com

The library signs; it also checks, but only against the machine's own clock, so that is done here.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from standardwebhooks import Webhook

from kit.errors import Misconfigured
from signals.connectors.inbound import WebhookUnverified, check_time

TOLERANCE = timedelta(minutes=5)  # what the specification's own libraries allow, either way
_SHORTEST_KEY = 24  # bytes; the specification asks for 24 to 64
_PLAIN_ID = re.compile(r"[A-Za-z0-9_:-]{1,128}")


class SignatureInvalid(WebhookUnverified):
    """A webhook's signature is missing or wrong: it is not from whom it says it is."""

    code = "webhook_signature_invalid"


class Signer:
    """Signs with every secret there is, so that a receiver may know either while one replaces the other.

    Secrets are base64 behind ``whsec_``; the first is the newest. Raises ``Misconfigured`` for none, or for
    one that is not of that form or shorter than the 24 bytes that the specification asks for.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise Misconfigured("A signed webhook needs a secret (whsec_…).")
        self._webhooks = [_webhook(secret) for secret in secrets]

    def headers(self, identifier: str, body: bytes, *, at: datetime) -> dict[str, str]:
        """The three headers for ``body``, sent at ``at`` under ``identifier``, whatever its attempt."""
        message_id = webhook_id(identifier)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(self._signatures(message_id, body, at)),
        }

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> str:
        """The id of a webhook whose signature is right. Raises ``SignatureInvalid`` and ``WebhookSkewed``.

        Header names are in any case. A timestamp more than ``TOLERANCE`` from ``now`` is refused; within
        it a replay is possible, so whoever acts on a webhook keeps its id.
        """
        given = {name.lower(): value for name, value in headers.items()}
        message_id, sent = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
        signatures = given.get("webhook-signature", "")
        if not (message_id and signatures and re.fullmatch(r"\d{1,11}", sent, re.ASCII)):
            raise SignatureInvalid("The webhook lacks webhook-id, webhook-timestamp or webhook-signature.")
        check_time(float(sent), now=now, tolerance=TOLERANCE)
        at = datetime.fromtimestamp(int(sent), UTC)
        known = list(self._signatures(message_id, body, at))
        if not any(_same(mine, theirs) for theirs in signatures.split() for mine in known):
            raise SignatureInvalid("No signature of the webhook is right.")
        return message_id

    def _signatures(self, message_id: str, body: bytes, at: datetime) -> list[str]:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise SignatureInvalid("The webhook's body is not UTF-8.") from None
        return [webhook.sign(message_id, at.astimezone(UTC), text) for webhook in self._webhooks]


def webhook_id(key: str) -> str:
    """``key`` where it may stand in a header and under a signature, else a stable id made from it."""
    return key if _PLAIN_ID.fullmatch(key) else f"msg_{sha256(key.encode()).hexdigest()[:32]}"


def _same(mine: str, theirs: str) -> bool:
    return hmac.compare_digest(mine.encode(), theirs.encode())


def _webhook(secret: str) -> Webhook:
    encoded = secret.removeprefix("whsec_").rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith("whsec_") or len(key) < _SHORTEST_KEY:
        raise Misconfigured(f"A webhook secret is whsec_ and at least {_SHORTEST_KEY} bytes in base64.")
    return Webhook(key)
