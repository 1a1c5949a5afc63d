"""HubSpot: contacts, tasks or notes, deals and lists over the CRM API, webhooks with signature v3."""

from signals.connectors.hubspot.connector import HubSpot
from signals.connectors.hubspot.settings import HubSpotSettings
from signals.connectors.hubspot.webhook import WebhookRefused, check_signature

__all__ = ["HubSpot", "HubSpotSettings", "WebhookRefused", "check_signature"]
