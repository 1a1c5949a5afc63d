"""Mailchimp: who a customer is in an audience, what was learned of them as tags and events, a journey begun.

Whoever has unsubscribed, or whose address bounces, is left alone: nothing is written to such a member, and no
call ever names a status that could subscribe them again. A member who is new becomes ``transactional``, which
no campaign reaches, unless the customer agrees to marketing by e-mail.

Events and journeys have no idempotency key at Mailchimp. An event is told once: the member's events are
searched for the dispatch key before, and a merge field marks that a try is under way. A journey is begun at
most once: the try is noted as an event first, and repeated only where Mailchimp has turned it down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from kit.clock import Clock
from signals.connectors.answer import retry_after
from signals.connectors.backfill import Backfilled
from signals.connectors.connector import (
    DeliveryFailed,
    DeliveryRefused,
    Dispatch,
    Health,
    OutcomePage,
    PreparedRequest,
    Receipt,
)
from signals.connectors.delivery_mark import DeliveryMark
from signals.connectors.http import Call, prepared
from signals.connectors.inbound import ConsentPage, WebhookCall, WebhookNews
from signals.connectors.mailchimp.api import client as http_client
from signals.connectors.mailchimp.api import judge, member_path, subscriber_hash
from signals.connectors.mailchimp.backfill import MOST_OPERATIONS, MailchimpBackfill
from signals.connectors.mailchimp.consents import MailchimpConsents, check_secret, read_webhook
from signals.connectors.mailchimp.events import DispatchEvents, MemberEvents
from signals.connectors.mailchimp.members import member_body
from signals.connectors.mailchimp.sequences import new_member_call, sequence_tag, tag_call
from signals.connectors.mailchimp.settings import JourneyStep, MailchimpSettings
from signals.connectors.mapping import FieldMapping, shipped_mapping
from signals.connectors.waiting import Waiting

OBJECTS = ("member", "event")
_LEFT_ALONE = {
    "unsubscribed": "has unsubscribed",
    "cleaned": "has an address that bounces",
    "archived": "was archived by the operator",
}
_NOT_TAKEN = frozenset({400, 404, 422, 429})


class Mailchimp:
    """Members, tags, events and journeys of one audience."""

    name = "mailchimp"

    def __init__(
        self,
        settings: MailchimpSettings,
        *,
        clock: Clock,
        waiting: Waiting,
        mapping: FieldMapping | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._mapping = mapping or shipped_mapping("mailchimp", objects=OBJECTS)
        self._clock = clock
        self.client = http_client(settings, clock=clock, waiting=waiting, transport=transport)
        self._events = MemberEvents(self.client, settings.audience_id)
        self._consents = MailchimpConsents(self.client, settings.audience_id, clock)

    async def deliver(self, dispatch: Dispatch) -> Receipt:
        """Member, tag, event, journey. Refused for who has no address, or is to be left alone."""
        email = _email(dispatch)
        member = await self._member(email)
        mark = DeliveryMark.parse((member or {}).get("merge_fields", {}).get(self._settings.mark_field))
        known = await self._events.of(dispatch, email) if member else DispatchEvents()
        if not known.told and mark and mark.key == dispatch.key:
            mark.settle(self._clock.now(), self._settings.settle_seconds, self.name)
        if not known.told:
            await self.client.send(self._member_call(dispatch, email, mark, new=member is None))
            await self.client.send(self._tag_call(dispatch, email))
            await self.client.send(self._event_call(dispatch, email))
        records = {"member": subscriber_hash(email), "event": dispatch.key}
        step = self._settings.journeys.get(dispatch.signal.kind)
        records |= await self._journey(dispatch, email, known, step)
        return Receipt(records, repeated=known.told)

    def preview(self, dispatch: Dispatch) -> Sequence[PreparedRequest]:
        """The writing calls, as for a member who may be written to. Refused without an address."""
        email = _email(dispatch)
        calls = [
            self._member_call(dispatch, email),
            self._tag_call(dispatch, email),
            self._event_call(dispatch, email),
        ]
        step = self._settings.journeys.get(dispatch.signal.kind)
        if step is not None:
            calls += [self._events.journey_call(dispatch, email, "tried"), _trigger_call(step, email)]
        return prepared(self._settings.url, calls)

    async def health(self) -> Health:
        """Asks for the audience's merge fields; writes nothing."""
        path = f"/lists/{self._settings.audience_id}/merge-fields"
        try:
            answer = await self.client.send(
                Call("GET", path, {"count": "1000", "fields": "merge_fields.tag"})
            )
            known = {field.get("tag") for field in (answer.json() or {}).get("merge_fields", [])}
        except (DeliveryFailed, DeliveryRefused) as error:
            return Health(ok=False, detail=error.detail)
        needed = {*self._mapping.fields("member"), self._settings.mark_field}
        missing = sorted(needed - known - {"EMAIL"})
        if missing:
            return Health(ok=False, detail=f"The audience has no merge field {', '.join(missing)}.")
        return Health(ok=True, detail="Mailchimp takes the key and has the audience and its merge fields.")

    async def poll(self, cursor: str | None) -> OutcomePage:
        """Nothing: Mailchimp knows consents, not what became of a signal."""
        return OutcomePage((), cursor)

    async def poll_consents(self, cursor: str | None) -> ConsentPage:
        """Who has left since ``cursor``; see ``MailchimpConsents``."""
        return await self._consents.page(cursor)

    async def read_call(self, call: WebhookCall) -> WebhookNews:
        """What a call of Mailchimp's webhook says of a consent; a ``GET`` only tries the address.

        Raises ``WebhookUnverified`` and ``InboundInvalid``.
        """
        settings = self._settings
        check_secret(call.secret, settings.webhook_secret)
        if call.method == "GET":
            return WebhookNews()
        found = read_webhook(
            call.body,
            audience_id=settings.audience_id,
            subscribing_grants=settings.subscribing_grants,
        )
        return WebhookNews(ignored=1) if found is None else WebhookNews(consents=[found])

    @property
    def consent_attribute(self) -> str:
        """The attribute that says whether the customer agrees to marketing by e-mail."""
        return self._settings.consent_attribute

    async def enrol(self, dispatch: Dispatch, journey: str) -> Receipt:
        """Tag the member, who is made where there is none, and begin the journey if it has a trigger."""
        email, settings = _email(dispatch), self._settings
        member = await self._member(email)
        known = await self._events.of(dispatch, email) if member else DispatchEvents()
        if member is None:
            fields = self._mapping.render("member", dispatch)
            await self.client.send(new_member_call(dispatch, email, settings, fields))
        tag = sequence_tag(journey, settings)
        await self.client.send(tag_call(tag, email, settings, active=True))
        asked = settings.sequences.get(journey)
        begun = await self._journey(dispatch, email, known, asked.trigger if asked else None)
        return Receipt({"member": subscriber_hash(email), "tag": tag} | begun)

    async def leave(self, dispatch: Dispatch, journey: str) -> Receipt:
        """Take the tag away. Who is no member, or gets nothing any more, is out already."""
        email = _email(dispatch)
        member = await self._held(email)
        if member is None or member["status"] in _LEFT_ALONE:
            return Receipt({}, repeated=True)
        tag = sequence_tag(journey, self._settings)
        await self.client.send(tag_call(tag, email, self._settings, active=False))
        return Receipt({"member": subscriber_hash(email), "tag": tag})

    async def backfill(self, dispatches: Sequence[Dispatch]) -> Backfilled:
        """Hand members over in batches, without events or journeys; see ``MailchimpBackfill``.

        Taken is what Mailchimp works off by itself; who has no address is refused.
        """
        batches = MailchimpBackfill(self.client, self._settings, mapping=self._mapping, clock=self._clock)
        told = [one for one in dispatches if one.contact.email]
        for begin in range(0, len(told), MOST_OPERATIONS):
            await batches.start(told[begin : begin + MOST_OPERATIONS])
        nowhere = {one.signal.id: "no e-mail address" for one in dispatches if not one.contact.email}
        return Backfilled(len(told), refused=nowhere)

    async def close(self) -> None:
        """Close every connection."""
        await self.client.close()

    async def _member(self, email: str) -> dict[str, Any] | None:
        """The member, none where there is none. Refused for one who is to be left alone."""
        member = await self._held(email)
        if member is not None and member["status"] in _LEFT_ALONE:
            raise DeliveryRefused(f"mailchimp: the member {_LEFT_ALONE[member['status']]} and is left alone")
        return member

    async def _held(self, email: str) -> dict[str, Any] | None:
        path = member_path(self._settings.audience_id, email)
        answer = await self.client.send(Call("GET", path, {"fields": "status,merge_fields"}), accept={404})
        if answer.status == httpx.codes.NOT_FOUND:
            _refuse_other_not_found(answer.json_or_none())
            return None
        member = answer.json()
        if not isinstance(member, dict):
            raise DeliveryFailed("mailchimp: the answer is no member")
        return {**member, "status": str(member.get("status"))}

    async def _journey(
        self, dispatch: Dispatch, email: str, known: DispatchEvents, step: JourneyStep | None
    ) -> dict[str, str]:
        if step is None:
            return {}
        records = {"journey": f"{step.journey_id}/{step.step_id}"}
        if known.journey_may_run:
            return records
        await self.client.send(self._events.journey_call(dispatch, email, "tried"))
        answer = await self.client.send(_trigger_call(step, email), accept=_NOT_TAKEN)
        if answer.status in _NOT_TAKEN:
            await self.client.send(self._events.journey_call(dispatch, email, "not_taken"))
            said = (
                f"mailchimp: the journey was not begun: {self.client.without_secrets(judge(answer).reason)}"
            )
            if answer.status == httpx.codes.TOO_MANY_REQUESTS:
                raise DeliveryFailed(said, retry_after=retry_after(answer, self._clock.now()))
            raise DeliveryRefused(said)
        return records

    def _member_call(
        self, dispatch: Dispatch, email: str, last: DeliveryMark | None = None, *, new: bool = True
    ) -> Call:
        settings, mapping = self._settings, self._mapping
        body = member_body(dispatch, email, settings, mapping, self._clock, last=last, new=new)
        return Call(
            "PUT",
            member_path(self._settings.audience_id, email),
            {"skip_merge_validation": "true"},  # what the audience requires of its forms we may not know
            json=body,
        )

    def _tag_call(self, dispatch: Dispatch, email: str) -> Call:
        name = f"{self._settings.tag_prefix}{dispatch.signal.kind.value}"
        return tag_call(name, email, self._settings, active=True)

    def _event_call(self, dispatch: Dispatch, email: str) -> Call:
        signal = {"signal": dispatch.signal.id, "revision": dispatch.signal.revision}
        return self._events.call(dispatch, email, {**self._mapping.render("event", dispatch), **signal})


def _email(dispatch: Dispatch) -> str:
    email = (dispatch.contact.email or "").strip()
    if "@" not in email:
        raise DeliveryRefused("mailchimp: the customer has no e-mail address")
    return email


def _trigger_call(step: JourneyStep, email: str) -> Call:
    path = f"/customer-journeys/journeys/{step.journey_id}/steps/{step.step_id}/actions/trigger"
    return Call("POST", path, json={"email_address": email}, repeatable=False)


def _refuse_other_not_found(problem: object) -> None:
    """A member that is not there is new; an audience that is not there is a wrong setting."""
    detail = str(problem.get("detail", "")) if isinstance(problem, dict) else ""
    if "list" in detail.lower() and "member" not in detail.lower():
        raise DeliveryRefused(f"mailchimp: there is no such audience: {detail}")
