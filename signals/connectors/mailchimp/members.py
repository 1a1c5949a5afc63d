"""What is written of a member of an audience."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kit.clock import Clock
from signals.connectors.connector import Dispatch
from signals.connectors.delivery_mark import DeliveryMark
from signals.connectors.mailchimp.settings import MailchimpSettings
from signals.connectors.mapping import FieldMapping


def member_body(
    dispatch: Dispatch,
    email: str,
    settings: MailchimpSettings,
    mapping: FieldMapping,
    clock: Clock,
    *,
    last: DeliveryMark | None = None,
    new: bool = True,
) -> Mapping[str, Any]:
    """What is written of a member. It has no ``status``, so it cannot subscribe anybody again.

    Where ``last`` tells of newer news, the mark alone is written.
    """
    agrees = dispatch.contact.attributes.get(settings.consent_attribute) is True
    updated_at = dispatch.signal.updated_at
    mark = DeliveryMark.after(last, updated_at, clock.now(), dispatch.key)
    stale = last is not None and last.is_newer_than(updated_at)
    fields = {} if stale else mapping.render("member", dispatch, new=new)
    return {
        "email_address": email,
        "status_if_new": settings.new_members if agrees else "transactional",
        "merge_fields": {**fields, settings.mark_field: str(mark)},
    }
