"""Consent that members withdraw at Mailchimp: told by its webhook, and asked for in case one was missed."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import parse_qs

from pydantic import SecretStr

from kit.clock import Clock
from signals.connectors.connector import DeliveryFailed
from signals.connectors.http import Call, HttpClient
from signals.connectors.inbound import (
    ConsentChange,
    ConsentPage,
    InboundConsent,
    InboundInvalid,
    WebhookUnverified,
)
from signals.connectors.mailchimp.api import subscriber_hash
from signals.connectors.signal_document import instant

_FIRST_LOOK = timedelta(days=7)  # how far back the first poll reaches
_OVERLAP = timedelta(minutes=5)  # for clocks that differ, and changes that are listed late
_SECOND = timedelta(seconds=1)  # the grain of last_changed
_PAGE = 500
_STEP = _PAGE // 2  # among more members of one second than a page holds: half of it is read again
_STATUSES = (("unsubscribed", ConsentChange.WITHDRAWN), ("cleaned", ConsentChange.UNREACHABLE))


class WebhookUnknown(WebhookUnverified):
    """The webhook's path does not end in our secret, or it is about another audience."""

    code = "webhook_unknown"


def check_secret(given: str | None, secret: SecretStr | None) -> None:
    """Mailchimp signs nothing: what stood in the path that it called must be ``secret``.

    Raises ``WebhookUnknown`` where it is not, or none is set.
    """
    if secret is None:
        raise WebhookUnknown("No webhook_secret is set for Mailchimp, so no webhook is taken.")
    if not hmac.compare_digest((given or "").encode(), secret.get_secret_value().encode()):
        raise WebhookUnknown("The webhook's address is not one of ours.")


def read_webhook(body: bytes, *, audience_id: str, subscribing_grants: bool = False) -> InboundConsent | None:
    """What Mailchimp's webhook says of a consent; none for news of another kind, such as a changed profile.

    Raises ``WebhookUnknown`` for another audience, ``InboundInvalid`` for what is not of Mailchimp's form.
    """
    form = _form(body)
    if form.get("data[list_id]") != audience_id:
        raise WebhookUnknown("The webhook is about an audience that is not ours.")
    at = _fired_at(form)
    match form.get("type"):
        case "subscribe" if subscribing_grants:
            return _change(_address(form, "data[email]"), ConsentChange.GRANTED, at, None)
        case "unsubscribe":
            reason = form.get("data[reason]", "manual")  # "abuse" is a complaint
            return _change(_address(form, "data[email]"), ConsentChange.WITHDRAWN, at, reason)
        case "cleaned":
            reason = form.get("data[reason]", "hard")
            change = ConsentChange.WITHDRAWN if reason == "abuse" else ConsentChange.UNREACHABLE
            return _change(_address(form, "data[email]"), change, at, reason)
        case "upemail":
            new = _address(form, "data[new_email]")
            old = _address(form, "data[old_email]")
            return _change(old, ConsentChange.ADDRESS_CHANGED, at, None, new)
        case _:
            return None


def _form(body: bytes) -> Mapping[str, str]:
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=200)
    except ValueError:  # no UTF-8, or more fields than Mailchimp has
        raise InboundInvalid("The webhook's body is not a form.") from None
    form = {name: values[0] for name, values in fields.items()}
    if "type" not in form:
        raise InboundInvalid("The webhook does not say its type.")
    return form


def _fired_at(form: Mapping[str, str]) -> datetime:
    try:
        return datetime.strptime(form.get("fired_at", ""), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise InboundInvalid("The webhook's fired_at is wrong or missing.") from None


def _address(form: Mapping[str, str], name: str) -> str:
    address = form.get(name, "").strip()
    if "@" not in address:
        raise InboundInvalid(f"The webhook's {name} is wrong or missing.")
    return address


def _change(
    email: str,
    change: ConsentChange,
    at: datetime,
    reason: str | None,
    new_email: str | None = None,
) -> InboundConsent:
    return InboundConsent("mailchimp", email, change, _external_id(email, change, at), at, reason, new_email)


def _external_id(email: str, change: ConsentChange, at: datetime) -> str:
    return f"{subscriber_hash(email)}.{change.value}.{instant(at)}"


@dataclass(frozen=True, slots=True)
class _Cursor:
    """A window of time, part of it done: the place in ``_STATUSES``, and there what changed up to ``after``.

    ``offset`` is the place among those who changed after it, above 0 only where they fill pages within a
    second.
    """

    since: datetime
    until: datetime
    status: int
    after: datetime
    offset: int = 0

    def __str__(self) -> str:
        after = instant(self.after)
        return f"{instant(self.since)} {instant(self.until)} {self.status} {after} {self.offset}"

    @classmethod
    def begin(cls, since: datetime, until: datetime, status: int = 0) -> Self:
        return cls(since, until, status, since)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ``InboundInvalid``."""
        try:
            since, until, status, after, offset = text.split(" ")
            start, end, reached = (datetime.fromisoformat(one) for one in (since, until, after))
            return cls(start, end, int(status), reached, int(offset))
        except ValueError:
            raise _strange() from None

    def following(self, last_changed: datetime) -> Self:
        """After a full page whose last member changed at ``last_changed``.

        Members who change meanwhile leave the list, and all others move up: whoever goes on by place skips
        some for good. So it goes on by time, with a second read again.
        """
        reached = last_changed - _SECOND
        if reached > self.after:
            return replace(self, after=reached, offset=0)
        return replace(self, offset=self.offset + _STEP)


def _strange() -> InboundInvalid:
    return InboundInvalid("The cursor is none of ours.")


class MailchimpConsents:
    """Who unsubscribed or bounced, read from the audience page by page.

    The same change may be read again, with the same ``external_id``, and may have come by webhook before with
    another time: what is done with it must bear that. A window reaches until the moment it was begun; the
    next overlaps it.
    """

    def __init__(self, http: HttpClient, audience_id: str, clock: Clock) -> None:
        self._http = http
        self._audience_id = audience_id
        self._clock = clock

    async def page(self, cursor: str | None) -> ConsentPage:
        """The changes of one page. Raises ``DeliveryFailed``, and ``InboundInvalid`` for a strange cursor."""
        at = self._place(cursor)
        status, change = _STATUSES[at.status]
        members = await self._members(at, status)
        changes = [self._read(member, change) for member in members]
        if len(members) == _PAGE:
            following = at.following(changes[-1].at)
        elif at.status + 1 < len(_STATUSES):
            following = _Cursor.begin(at.since, at.until, at.status + 1)
        else:
            return ConsentPage(changes, instant(at.until - _OVERLAP))
        return ConsentPage(changes, str(following), more=True)

    def _place(self, cursor: str | None) -> _Cursor:
        now = self._clock.now()
        if cursor is None:
            return _Cursor.begin(now - _FIRST_LOOK, now)
        if " " in cursor:
            return _Cursor.parse(cursor)
        try:
            return _Cursor.begin(datetime.fromisoformat(cursor), now)
        except ValueError:
            raise _strange() from None

    async def _members(self, at: _Cursor, status: str) -> list[dict[str, Any]]:
        names = ("email_address", "last_changed", "unsubscribe_reason")
        params = {
            "status": status,
            "since_last_changed": instant(at.after),
            "before_last_changed": instant(at.until),
            "count": str(_PAGE),
            "offset": str(at.offset),
            "sort_field": "last_changed",
            "sort_dir": "ASC",
            "fields": ",".join(f"members.{name}" for name in names),
        }
        answer = await self._http.send(Call("GET", f"/lists/{self._audience_id}/members", params))
        members = (answer.json() or {}).get("members")
        if not isinstance(members, list):
            raise DeliveryFailed("mailchimp: the answer has no members")
        return members

    def _read(self, member: Mapping[str, Any], change: ConsentChange) -> InboundConsent:
        email, at = str(member["email_address"]), datetime.fromisoformat(str(member["last_changed"]))
        reason = member.get("unsubscribe_reason") or None
        return InboundConsent("mailchimp", email, change, _external_id(email, change, at), at, reason)
