"""Tells Salesforce: one question what is there, one write of all that is to be, both composite."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kit.clock import Clock
from kit.errors import CareloopError
from signals.connectors.answer import Json
from signals.connectors.backfill import Backfilled
from signals.connectors.connector import (
    DeliveryRefused,
    Dispatch,
    Health,
    OutcomePage,
    PreparedRequest,
    Receipt,
)
from signals.connectors.http import HttpClient, prepared
from signals.connectors.mapping import FieldMapping, shipped_mapping
from signals.connectors.salesforce.bulk import SalesforceBulk
from signals.connectors.salesforce.composite import Composite, Part, PartFailed
from signals.connectors.salesforce.fields import missing_fields
from signals.connectors.salesforce.judge import SalesforceJudge
from signals.connectors.salesforce.outcomes import SalesforceOutcomes
from signals.connectors.salesforce.settings import SalesforceSettings
from signals.connectors.salesforce.soql import quoted, select
from signals.connectors.salesforce.token import JwtBearer
from signals.connectors.waiting import Waiting

OBJECTS = ("Contact", "Lead", "Task", "Opportunity")
_SYSTEM = "salesforce"  # whose ids are ours to look up, whatever the connector is called
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")  # any other makes SOQL refuse the whole question
_ID_PREFIX = {"Contact": "003", "Lead": "00Q"}  # "Standard Object Prefix": what kind of record an id is


@dataclass(frozen=True, slots=True)
class _Known:
    """What Salesforce holds already: its ids, and the revision of the signal that it was told last."""

    person: str | None = None
    person_is_ours: bool = False
    converted: bool = False
    account: str | None = None
    task: str | None = None
    revision: int = 0
    opportunity: str | None = None


class Salesforce:
    """The connector.

    Person, task and opportunity are written together or not at all, the task with the signal's revision.
    That makes a delivery repeatable: what was cut after success is found there, and older news never
    overwrites. The client of ``simple-salesforce`` blocks and is for tests (ADR 16).
    """

    name = "salesforce"

    def __init__(
        self,
        settings: SalesforceSettings,
        *,
        clock: Clock,
        waiting: Waiting,
        mapping: FieldMapping | None = None,
    ) -> None:
        self._settings = settings
        self._waiting = waiting
        self._mapping = mapping or shipped_mapping("salesforce", objects=OBJECTS)
        self._login = HttpClient(
            "Salesforce", settings.login_url, settings=settings.http, clock=clock, waiting=waiting
        )
        self.client = HttpClient(
            "Salesforce",
            settings.login_url,  # until the token says where the org is
            settings=settings.http,
            clock=clock,
            waiting=waiting,
            tokens=JwtBearer(settings, self._login, clock),
            judge=SalesforceJudge(settings.external_id_field),
        )
        self._composite = Composite(self.client, settings.api_version, settings.external_id_field)
        self._outcomes = SalesforceOutcomes(settings, self._mapping, self.client)

    async def deliver(self, dispatch: Dispatch) -> Receipt:
        """Tell Salesforce, once whatever happens."""
        try:
            known = await self._known(dispatch)
            if known.revision >= dispatch.signal.revision:
                return Receipt(_records(self._settings.person, known, {}), repeated=True)
            try:
                written = await self._composite.send(self._parts(dispatch, known))
            except PartFailed as failed:
                known = await self._duplicate(dispatch, known, failed)
                written = await self._composite.send(self._parts(dispatch, known))
        except PartFailed as failed:
            raise self._composite.verdict(failed) from None
        return Receipt(_records(self._settings.person, known, written))

    def preview(self, dispatch: Dispatch) -> Sequence[PreparedRequest]:
        """What a first delivery would write; one of a customer who is known there writes less."""
        return prepared(self._settings.login_url, [self._composite.call(self._parts(dispatch, _Known()))])

    async def health(self) -> Health:
        """Whether Salesforce lets us in and has every field that the mapping names; writes nothing."""
        try:
            missing = await missing_fields(self.client, self._settings, self._mapping)
        except CareloopError as error:
            return Health(ok=False, detail=error.detail)
        if missing:
            return Health(
                ok=False, detail=f"Salesforce lacks, or does not let us write: {', '.join(missing)}."
            )
        return Health(ok=True, detail=f"Signed in as {self._settings.username}; every mapped field is there.")

    async def poll(self, cursor: str | None) -> OutcomePage:
        """What became of signals, by opportunities and tasks that changed."""
        return await self._outcomes.page(cursor)

    def bulk(self, waiting: Waiting) -> SalesforceBulk:
        """The way for thousands of signals at once, over the same connections."""
        return SalesforceBulk(self._settings, self._mapping, self.client, waiting)

    async def backfill(self, dispatches: Sequence[Dispatch]) -> Backfilled:
        """Tell many over Bulk API 2.0; see ``SalesforceBulk``."""
        report = await self.bulk(self._waiting).backfill(dispatches)
        return Backfilled(len(report.taken), len(report.known), report.refused)

    async def close(self) -> None:
        """Close every connection."""
        await self.client.close()
        await self._login.close()

    async def _known(self, dispatch: Dispatch) -> _Known:
        """What is there. Raises ``PartFailed`` and what the client raises."""
        field, signal = self._settings.external_id_field, quoted(dispatch.signal.id)
        task = select(("Id", self._settings.revision_field), "Task", f"{field} = {signal}")
        questions = [
            self._composite.query("person", self._person_question(dispatch)),
            self._composite.query("task", task),
        ]
        if self._opens_opportunity(dispatch):
            soql = select(("Id",), "Opportunity", f"{field} = {signal}")
            questions.append(self._composite.query("opportunity", soql))
        said = await self._composite.send(questions)
        told, deal = _first(said["task"]), _first(said.get("opportunity"))
        person = self._choose(said["person"]["records"], dispatch)
        return _Known(
            person=person.get("ConvertedContactId") or person.get("Id"),
            person_is_ours=person.get(field) == dispatch.contact.id,
            converted=bool(person.get("IsConverted")),
            account=person.get("AccountId"),
            task=told.get("Id"),
            revision=int(told.get(self._settings.revision_field) or 0),
            opportunity=deal.get("Id"),
        )

    def _person_question(self, dispatch: Dispatch) -> str:
        field, contact = self._settings.external_id_field, dispatch.contact
        conditions = [f"{field} = {quoted(contact.id)}"]
        crm_id = contact.crm_ids.get(_SYSTEM, "")
        if _ID.fullmatch(crm_id) and crm_id.startswith(_ID_PREFIX[self._settings.person]):
            conditions.append(f"Id = {quoted(crm_id)}")
        if contact.email and self._settings.match_by_email:
            conditions.append(f"Email = {quoted(contact.email)}")
        is_contact = self._settings.person == "Contact"
        more = ("AccountId",) if is_contact else ("IsConverted", "ConvertedContactId")
        fields = ("Id", field, *more)
        return select(fields, self._settings.person, " OR ".join(conditions), rest="LIMIT 20")

    def _choose(self, found: Sequence[dict[str, Any]], dispatch: Dispatch) -> dict[str, Any]:
        """Ours, or the one of the id that was linked, or the only one of that address; never another's."""
        field, contact = self._settings.external_id_field, dispatch.contact
        free = [one for one in found if not one.get(field)]
        linked = contact.crm_ids.get(_SYSTEM)
        ours = [one for one in found if one.get(field) == contact.id]
        named = [one for one in free if linked and one["Id"][:15] == linked[:15]]
        chosen = ours or named or (free if len(free) == 1 else [])
        return chosen[0] if chosen else {}

    def _opens_opportunity(self, dispatch: Dispatch) -> bool:
        signal = dispatch.signal
        return (
            self._settings.person == "Contact"
            and signal.kind in self._settings.opportunity_kinds
            and (signal.score or 0.0) >= self._settings.opportunity_score
        )

    def _parts(self, dispatch: Dispatch, known: _Known) -> list[Part]:
        parts = [*self._person(dispatch, known)]
        who = known.person or "@{person.id}"
        what: dict[str, Any] = {}
        if self._opens_opportunity(dispatch):
            fields = self._mapping.render("Opportunity", dispatch, new=known.opportunity is None)
            if known.opportunity is None:
                fields["ContactId"] = who  # makes the contact's role; can be said at creation only
                fields |= {"AccountId": known.account} if known.account else {}
            parts.append(self._record("opportunity", "Opportunity", dispatch, fields))
            what = {"WhatId": known.opportunity or "@{opportunity.id}"}
        fields = self._mapping.render("Task", dispatch, new=known.task is None)
        fields |= {"WhoId": who, **what, self._settings.revision_field: dispatch.signal.revision}
        parts.append(self._record("task", "Task", dispatch, fields))
        return parts

    def _record(self, name: str, kind: str, dispatch: Dispatch, fields: dict[str, Any]) -> Part:
        return self._composite.upsert(name, kind, external_id=dispatch.signal.id, fields=fields)

    def _person(self, dispatch: Dispatch, known: _Known) -> list[Part]:
        kind = self._settings.person
        fields = self._mapping.render(kind, dispatch, new=known.person is None)
        if known.person is None:
            return [self._composite.upsert("person", kind, external_id=dispatch.contact.id, fields=fields)]
        if known.converted:  # a converted lead takes no change; its contact is the seller's
            return []
        if not known.person_is_ours:
            fields[self._settings.external_id_field] = dispatch.contact.id
        return [self._composite.update("person", kind, record=known.person, fields=fields)] if fields else []

    async def _duplicate(self, dispatch: Dispatch, known: _Known, failed: PartFailed) -> _Known:
        """``known`` with the record that a duplicate rule found in the way, where it can only be that one."""
        complaint, kind, field = failed.complaint, self._settings.person, self._settings.external_id_field
        if failed.name != "person" or complaint.code != "DUPLICATES_DETECTED" or known.person:
            raise failed
        if len(complaint.matches) != 1:
            raise DeliveryRefused(
                f"Salesforce: a duplicate rule finds {len(complaint.matches)} records of {kind} that may be "
                f"this customer; set {field} on the right one."
            )
        (match,) = complaint.matches
        soql = select(("Id", field), kind, f"Id = {quoted(match)}")
        found = _first((await self._composite.send([self._composite.query("person", soql)]))["person"])
        if found.get(field) not in {None, "", dispatch.contact.id}:
            raise DeliveryRefused(f"Salesforce: a duplicate rule finds another customer's {kind}, {match}.")
        return _Known(
            person=match,
            person_is_ours=bool(found.get(field)),
            task=known.task,
            opportunity=known.opportunity,
        )


def _first(answer: Json) -> dict[str, Any]:
    records = answer["records"] if answer else []
    return dict(records[0]) if records else {}


def _records(person: str, known: _Known, written: dict[str, Json]) -> dict[str, str]:
    """Salesforce's ids by kind of record."""
    held = {person.lower(): known.person, "opportunity": known.opportunity, "task": known.task}
    names = {person.lower(): "person", "opportunity": "opportunity", "task": "task"}
    ids = {kind: had or (written.get(names[kind]) or {}).get("id") for kind, had in held.items()}
    return {kind: str(record) for kind, record in ids.items() if record}
