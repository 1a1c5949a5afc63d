"""Mailchimp: customers as members of an audience, signals as tags and events; consent comes back."""

from signals.connectors.mailchimp.backfill import BatchReport, MailchimpBackfill
from signals.connectors.mailchimp.connector import OBJECTS, Mailchimp
from signals.connectors.mailchimp.consents import MailchimpConsents, read_webhook
from signals.connectors.mailchimp.settings import JourneyStep, MailchimpSequence, MailchimpSettings

__all__ = [
    "OBJECTS",
    "BatchReport",
    "JourneyStep",
    "Mailchimp",
    "MailchimpBackfill",
    "MailchimpConsents",
    "MailchimpSequence",
    "MailchimpSettings",
    "read_webhook",
]
