"""Tells HubSpot: the contact, the deal, the list, and last the task or note that says all is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kit.clock import Clock
from kit.errors import CareloopError
from signals.connectors.connector import (
    DeliveryFailed,
    Dispatch,
    Health,
    OutcomePage,
    PreparedRequest,
    Receipt,
)
from signals.connectors.http import Call, HttpClient, prepared
from signals.connectors.hubspot.fields import missing_properties
from signals.connectors.hubspot.judge import judge
from signals.connectors.hubspot.objects import Held, HubSpotObjects, Taken, create, update
from signals.connectors.hubspot.outcomes import HubSpotOutcomes
from signals.connectors.hubspot.people import HubSpotPeople
from signals.connectors.hubspot.sequences import HubSpotSequences, change_list
from signals.connectors.hubspot.settings import HubSpotSettings
from signals.connectors.hubspot.webhook import changed_deals, check_signature
from signals.connectors.inbound import WebhookCall, WebhookNews
from signals.connectors.mapping import FieldMapping, shipped_mapping
from signals.connectors.tokens import FixedToken, bearer
from signals.connectors.waiting import Waiting

OBJECTS = ("contact", "task", "note", "deal")
PLURAL = {"contact": "contacts", "task": "tasks", "note": "notes", "deal": "deals"}
_UNKNOWN = "{id}"  # stands in a preview for an id that HubSpot will give


@dataclass(frozen=True, slots=True)
class _Record:
    """A record of a signal, to be made or changed."""

    name: str
    properties: Mapping[str, Any]
    held: Held | None = None

    @property
    def kind(self) -> str:
        return PLURAL[self.name]


class HubSpot:
    """The connector.

    HubSpot has no transaction, so the task or note is written last and carries the signal's revision:
    a delivery that was cut anywhere is found by our unique ids and finished, never doubled. The official
    client blocks; it drives our contract server in the tests instead (ADR 16).
    """

    name = "hubspot"

    def __init__(
        self,
        settings: HubSpotSettings,
        *,
        clock: Clock,
        waiting: Waiting,
        mapping: FieldMapping | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._mapping = mapping or shipped_mapping("hubspot", objects=OBJECTS)
        self.client = HttpClient(
            "HubSpot",
            settings.base_url,
            settings=settings.http,
            clock=clock,
            waiting=waiting,
            tokens=FixedToken(bearer(settings.token.get_secret_value())),
            judge=judge,
        )
        self._objects = HubSpotObjects(self.client)
        self._people = HubSpotPeople(self._objects, self._mapping, settings.id_property)
        self._outcomes = HubSpotOutcomes(settings, self._mapping, self.client, self._objects)
        self._sequences = HubSpotSequences(
            self.client,
            self._objects,
            self._people,
            lists=settings.sequences,
            id_property=settings.id_property,
        )

    async def deliver(self, dispatch: Dispatch) -> Receipt:
        """Tell HubSpot, once whatever happens."""
        try:
            return await self._deliver(dispatch)
        except Taken:
            # Another attempt at this delivery made it: the next one finds it and goes on from there.
            raise DeliveryFailed("HubSpot: a record of this signal or customer was made meanwhile.") from None

    def preview(self, dispatch: Dispatch) -> Sequence[PreparedRequest]:
        """What a first delivery would write; ``{id}`` stands for ids that HubSpot gives."""
        links = {"contacts": _UNKNOWN}
        calls = [self._people.new(dispatch)]
        if self._opens_deal(dispatch):
            calls.append(create("deals", self._deal(dispatch, None).properties, dict(links)))
            links["deals"] = _UNKNOWN
        if (joins := self._joins(dispatch, _UNKNOWN)) is not None:
            calls.append(joins)
        record = self._record(dispatch, None)
        calls.append(create(record.kind, record.properties, links))
        return prepared(self._settings.base_url, calls)

    async def health(self) -> Health:
        """Whether HubSpot lets us in and has every property that the mapping names; writes nothing."""
        try:
            missing = await missing_properties(self.client, self._settings, self._mapping)
        except CareloopError as error:
            return Health(ok=False, detail=error.detail)
        if missing:
            return Health(ok=False, detail=f"HubSpot lacks, or does not let us write: {', '.join(missing)}.")
        return Health(ok=True, detail="The token is good; every mapped property is there.")

    async def poll(self, cursor: str | None) -> OutcomePage:
        """What became of signals, by deals and tasks that changed."""
        return await self._outcomes.page(cursor)

    async def read_call(self, call: WebhookCall) -> WebhookNews:
        """What a webhook says became of signals.

        The deals themselves are read again, so that a webhook only says where to look, and news carries the
        same ``external_id`` as by poll. Raises ``WebhookUnverified``, ``InboundInvalid``, ``DeliveryFailed``.
        """
        secret = self._settings.client_secret
        check_signature(
            secret.get_secret_value() if secret else None,
            method=call.method,
            uri=self._settings.webhook_url or call.url,
            body=call.body,
            signature=call.headers.get("x-hubspot-signature-v3"),
            timestamp=call.headers.get("x-hubspot-request-timestamp"),
            now=self._clock.now(),
        )
        changed = changed_deals(call.body)
        outcomes = await self._outcomes.of_deals(changed.deals)
        return WebhookNews(tuple(outcomes), ignored=changed.others + len(changed.deals) - len(outcomes))

    async def enrol(self, dispatch: Dispatch, journey: str) -> Receipt:
        """Put the contact on the list of a sequence."""
        return await self._sequences.enrol(dispatch, journey)

    async def leave(self, dispatch: Dispatch, journey: str) -> Receipt:
        """Take the contact off it."""
        return await self._sequences.leave(dispatch, journey)

    async def close(self) -> None:
        """Close every connection."""
        await self.client.close()

    async def _deliver(self, dispatch: Dispatch) -> Receipt:
        record = await self._held(self._settings.record, dispatch)
        deal = await self._held("deal", dispatch) if self._opens_deal(dispatch) else None
        if _revision(record, self._settings.revision_property) >= dispatch.signal.revision:
            return Receipt(await self._told_before(dispatch, record, deal), repeated=True)
        contact = await self._people.tell(dispatch)
        told = {"contact": contact}
        links = {"contacts": contact}
        if self._opens_deal(dispatch):
            told["deal"] = links["deals"] = await self._write(
                self._deal(dispatch, deal), {"contacts": contact}
            )
        if (joins := self._joins(dispatch, contact)) is not None:
            await self.client.send(joins)
        told[self._settings.record] = await self._write(self._record(dispatch, record), links)
        return Receipt(told)

    async def _held(self, name: str, dispatch: Dispatch) -> Held | None:
        properties = [self._settings.id_property, self._settings.revision_property]
        if name == "deal":
            properties = properties[:1]
        found = await self._objects.find(
            PLURAL[name], [dispatch.signal.id], properties, by=self._settings.id_property
        )
        return found[0] if found else None

    async def _told_before(
        self, dispatch: Dispatch, record: Held | None, deal: Held | None
    ) -> dict[str, str]:
        by = self._settings.id_property
        person = await self._objects.find("contacts", [dispatch.contact.id], [by], by=by)
        held = {"contact": person[0] if person else None, "deal": deal, self._settings.record: record}
        return {name: one.id for name, one in held.items() if one is not None}

    def _opens_deal(self, dispatch: Dispatch) -> bool:
        signal = dispatch.signal
        return signal.kind in self._settings.deal_kinds and (signal.score or 0.0) >= self._settings.deal_score

    def _deal(self, dispatch: Dispatch, held: Held | None) -> _Record:
        properties = self._mapping.render("deal", dispatch, new=held is None)
        return _Record("deal", {**properties, self._settings.id_property: dispatch.signal.id}, held)

    def _record(self, dispatch: Dispatch, held: Held | None) -> _Record:
        properties = self._mapping.render(self._settings.record, dispatch, new=held is None)
        ours = {
            self._settings.id_property: dispatch.signal.id,
            self._settings.revision_property: dispatch.signal.revision,
        }
        return _Record(self._settings.record, {**properties, **ours}, held)

    def _joins(self, dispatch: Dispatch, contact: str) -> Call | None:
        """What puts the contact on its list; being put there twice is being there once."""
        wanted = self._settings.lists.get(dispatch.signal.kind)
        return change_list(wanted, contact, "add") if wanted else None

    async def _write(self, record: _Record, links: Mapping[str, str]) -> str:
        if record.held is not None:
            return (await self._objects.send(update(record.kind, record.held.id, record.properties))).id
        return (await self._objects.send(create(record.kind, record.properties, links))).id


def _revision(held: Held | None, name: str) -> int:
    try:
        return int(float((held.properties.get(name) if held else None) or 0))
    except ValueError:
        return 0
