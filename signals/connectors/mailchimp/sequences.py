"""Sequences at Mailchimp: a tag that a customer journey starts with, and by whose absence it ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from signals.connectors.connector import Dispatch
from signals.connectors.http import Call
from signals.connectors.mailchimp.api import member_path
from signals.connectors.mailchimp.settings import MailchimpSettings

_OTHER = re.compile(r"[^a-z0-9]+")


def sequence_tag(journey: str, settings: MailchimpSettings) -> str:
    """The tag of a sequence: the one that is set, or our prefix and its name: ``careloop-which-speed``."""
    asked = settings.sequences.get(journey)
    if asked is not None and asked.tag is not None:
        return asked.tag
    return settings.tag_prefix + _OTHER.sub("-", journey.lower()).strip("-")[:50]


def tag_call(name: str, email: str, settings: MailchimpSettings, *, active: bool) -> Call:
    """Give a member a tag or take it away; doing so twice is doing it once."""
    body = {"tags": [{"name": name, "status": "active" if active else "inactive"}], "is_syncing": False}
    return Call("POST", member_path(settings.audience_id, email, "tags"), json=body)


def new_member_call(
    dispatch: Dispatch, email: str, settings: MailchimpSettings, fields: Mapping[str, Any]
) -> Call:
    """Make a member who is to enter a sequence, which takes consent: their status is as for who agrees."""
    agrees = dispatch.contact.attributes.get(settings.consent_attribute) is True
    body = {
        "email_address": email,
        "status_if_new": settings.new_members if agrees else "transactional",
        "merge_fields": dict(fields),
    }
    path = member_path(settings.audience_id, email)
    return Call("PUT", path, {"skip_merge_validation": "true"}, json=body)
