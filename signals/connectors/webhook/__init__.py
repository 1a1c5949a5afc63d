"""Signed webhooks, out and in: CloudEvents under signatures of Standard Webhooks."""

from signals.connectors.webhook.connector import Webhook
from signals.connectors.webhook.inbox import OUTCOME_TYPE, WebhookInbox
from signals.connectors.webhook.settings import WebhookSettings
from signals.connectors.webhook.signatures import TOLERANCE, SignatureInvalid, Signer

__all__ = [
    "OUTCOME_TYPE",
    "TOLERANCE",
    "SignatureInvalid",
    "Signer",
    "Webhook",
    "WebhookInbox",
    "WebhookSettings",
]
