"""Adobe Marketo Engage: customers as leads, signals as custom activities, lists and programs for nurture.

Leads are found by a field of our own, so that telling of one twice changes nothing the second time. A custom
activity has no such field: Marketo takes it as often as it is sent. Its primary attribute is the dispatch
key, and before one is sent the lead's activities are searched for it. As an activity may show up in the log
late, the lead also holds which delivery touched it last and when: one that finds its own mark but not its
activity waits until ``settle_seconds`` have passed before it takes the activity for lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import httpx

from kit.clock import Clock
from kit.privacy import redact
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
from signals.connectors.http import Call, HttpClient, prepared
from signals.connectors.mapping import FieldMapping, shipped_mapping
from signals.connectors.marketo.api import MarketoTokens, first_error, judge, judge_identity
from signals.connectors.marketo.outcomes import MarketoOutcomes
from signals.connectors.marketo.sequences import enrolling, leaving, receipt, sequence
from signals.connectors.marketo.settings import MarketoSettings
from signals.connectors.signal_document import instant
from signals.connectors.waiting import Waiting

_LATER = frozenset({"1022", "1025"})  # the object is in use; program membership is being changed
_NOT_THERE = frozenset({"1004", "1013"})  # no such lead; no such membership
OBJECTS = ("lead", "activity")
_UNSUBSCRIBED = "unsubscribed"  # Marketo's own field of a lead: no marketing by e-mail
_LEADS = "/rest/v1/leads.json"
_ACTIVITIES = "/rest/v1/activities/external.json"


class Marketo:
    """Leads, activities, static lists and programs of one instance."""

    name = "marketo"

    def __init__(
        self,
        settings: MarketoSettings,
        *,
        clock: Clock,
        waiting: Waiting,
        mapping: FieldMapping | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._fields = settings.fields
        self._mapping = mapping or shipped_mapping("marketo", objects=OBJECTS)
        self._clock = clock
        identity = HttpClient(
            self.name,
            settings.base_url,
            settings=settings.http,
            clock=clock,
            waiting=waiting,
            judge=judge_identity,
            transport=transport,
        )
        self._http = HttpClient(
            self.name,
            settings.base_url,
            settings=settings.http,
            clock=clock,
            waiting=waiting,
            tokens=MarketoTokens(identity, settings.client_id, settings.client_secret, clock),
            judge=judge,
            transport=transport,
        )
        self._identity = identity
        self._outcomes = MarketoOutcomes(self._http, self._fields, clock, currency=settings.currency)

    async def deliver(self, dispatch: Dispatch) -> Receipt:
        """Upsert the lead, add the activity once, then list and program. Raises as the port says.

        Who unsubscribed at Marketo is put on no list and in no program: these write e-mails.
        """
        lead = await self._find(dispatch)
        mark = DeliveryMark.parse(lead.get(self._fields.delivery)) if lead else None
        told = None
        if lead:
            told = await self._activity(int(lead["id"]), dispatch)
        if told is None and mark and mark.key == dispatch.key:
            mark.settle(self._clock.now(), self._settings.settle_seconds, self.name)
        lead_id = await self._upsert(dispatch, lead, mark, told=told is not None)
        records = {"lead": str(lead_id), "activity": told or await self._tell(lead_id, dispatch)}
        if lead is None or not _has_unsubscribed(lead):
            records |= await self._enrol(lead_id)
        return Receipt(records, repeated=told is not None)

    def preview(self, dispatch: Dispatch) -> Sequence[PreparedRequest]:
        """The writing calls; where the lead's id is not known before, it is 0."""
        calls = [
            self._lead_call(dispatch),
            self._activity_call(0, dispatch),
            *self._enrolment_calls(0).values(),
        ]
        return prepared(self._settings.base_url, calls)

    async def health(self) -> Health:
        """Asks for the activity type and the fields; writes nothing."""
        try:
            types = await self._result(Call("GET", "/rest/v1/activities/external/types.json"))
            described = await self._result(Call("GET", "/rest/v1/leads/describe2.json"))
        except (DeliveryFailed, DeliveryRefused) as error:
            return Health(ok=False, detail=error.detail)
        if self._settings.activity_type_id not in {entry.get("id") for entry in types}:
            return Health(ok=False, detail=f"There is no custom activity {self._settings.activity_type_id}.")
        searchable = {
            name for entry in described for names in entry.get("searchableFields", []) for name in names
        }
        known = {field.get("name") for entry in described for field in entry.get("fields", [])}
        missing = sorted(set(self._fields.model_dump().values()) - known)
        if missing:
            return Health(ok=False, detail=f"Leads have no field {', '.join(missing)}.")
        if self._fields.external_id not in searchable:
            return Health(ok=False, detail=f"Leads cannot be found by {self._fields.external_id}.")
        return Health(ok=True, detail="Marketo takes the credentials and has the activity and the fields.")

    async def poll(self, cursor: str | None) -> OutcomePage:
        """What sales entered since ``cursor`` (``MarketoOutcomes``). Refused where leads lack the field."""
        return await self._outcomes.page(cursor)

    async def enrol(self, dispatch: Dispatch, journey: str) -> Receipt:
        """Make the lead where there is none, and a member of list and program.

        Refused for who unsubscribed at Marketo.
        """
        asked = sequence(self._settings.sequences, journey)
        lead = await self._find(dispatch)
        if lead is not None and _has_unsubscribed(lead):
            raise DeliveryRefused("marketo: the lead unsubscribed there from e-mails of marketing")
        is_ours = lead is not None and bool(lead.get(self._fields.external_id))
        lead_id = await self._upsert(dispatch, lead, None, told=is_ours)
        for call in enrolling(asked, lead_id).values():
            _taken(await self._result(call), {"added", "updated", "created", "memberof"})
        return receipt(asked, lead_id)

    async def leave(self, dispatch: Dispatch, journey: str) -> Receipt:
        """Take the lead off the list and out of the program."""
        asked = sequence(self._settings.sequences, journey)
        found = await self._leads(self._fields.external_id, dispatch.contact.id)
        if not found:
            return Receipt({}, repeated=True)
        lead = int(found[0]["id"])
        for call in leaving(asked, lead).values():
            result = await self._result(call)
            if not _is_gone(result):
                _taken(result, {"removed", "deleted", "updated", "notmemberof"})
        return receipt(asked, lead)

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()
        await self._identity.close()

    async def _find(self, dispatch: Dispatch) -> dict[str, Any] | None:
        """Our lead, else the only one of the customer's address that is nobody's yet; never another's."""
        found = await self._leads(self._fields.external_id, dispatch.contact.id)
        if len(found) > 1:
            raise DeliveryRefused("marketo: several leads have this customer's id; merge them there first")
        email = dispatch.contact.email
        if found or not email or not self._settings.match_by_email:
            return found[0] if found else None
        same = await self._leads("email", email)
        ours = [lead for lead in same if lead.get(self._fields.external_id) == dispatch.contact.id]
        if ours:  # made meanwhile
            return ours[0]
        free = [lead for lead in same if not lead.get(self._fields.external_id)]
        if same and len(free) != 1:
            whose = "several leads have" if free else "another customer's lead has"
            raise DeliveryRefused(f"marketo: {whose} this customer's address; put that right there first")
        return free[0] if free else None

    async def _leads(self, field: str, value: str) -> list[dict[str, Any]]:
        wanted = f"id,{self._fields.external_id},{self._fields.delivery},{_UNSUBSCRIBED}"
        params = {"filterType": field, "filterValues": value, "fields": wanted}
        return await self._result(Call("GET", _LEADS, params))

    async def _activity(self, lead_id: int, dispatch: Dispatch) -> str | None:
        """The id of this dispatch's activity, or of one that tells newer news of the signal; none without."""
        since = {"sinceDatetime": instant(dispatch.at - timedelta(seconds=1))}
        answer = await self._http.send(Call("GET", "/rest/v1/activities/pagingtoken.json", since))
        token = str(answer.json()["nextPageToken"])
        while True:
            params = {
                "nextPageToken": token,
                "activityTypeIds": str(self._settings.activity_type_id),
                "leadIds": str(lead_id),
            }
            body = (await self._http.send(Call("GET", "/rest/v1/activities.json", params))).json()
            for activity in body.get("result") or []:
                if activity.get("primaryAttributeValue") == dispatch.key or _is_newer(activity, dispatch):
                    return _activity_id(activity)
            if not body.get("moreResult"):
                return None
            token = str(body["nextPageToken"])

    async def _upsert(
        self, dispatch: Dispatch, lead: Mapping[str, Any] | None, mark: DeliveryMark | None, *, told: bool
    ) -> int:
        if lead and told:
            return int(lead["id"])
        adopted = int(lead["id"]) if lead and not lead.get(self._fields.external_id) else None
        result = await self._result(self._lead_call(dispatch, mark, new=lead is None, adopted=adopted))
        return int(_taken(result, {"created", "updated"})["id"])

    async def _tell(self, lead_id: int, dispatch: Dispatch) -> str:
        result = await self._result(self._activity_call(lead_id, dispatch))
        return _activity_id(_taken(result, {"added", "created"}))

    async def _enrol(self, lead_id: int) -> dict[str, str]:
        enrolled = {}
        for kind, call in self._enrolment_calls(lead_id).items():
            _taken(await self._result(call), {"added", "updated", "created", "memberof"})
            enrolled[kind] = str(self._settings.list_id if kind == "list" else self._settings.program_id)
        return enrolled

    async def _result(self, call: Call) -> list[dict[str, Any]]:
        body = (await self._http.send(call)).json()
        result = body.get("result") or []
        if not isinstance(result, list):
            raise DeliveryFailed("marketo: the answer has no list of results")
        return result

    def _lead_call(
        self,
        dispatch: Dispatch,
        last: DeliveryMark | None = None,
        *,
        new: bool = True,
        adopted: int | None = None,
    ) -> Call:
        """What writes the lead; ``adopted`` is Marketo's id of one that is to be ours from now on."""
        updated_at = dispatch.signal.updated_at
        mark = DeliveryMark.after(last, updated_at, self._clock.now(), dispatch.key)
        record = {self._fields.external_id: dispatch.contact.id, self._fields.delivery: str(mark)}
        if last is None or not last.is_newer_than(updated_at):
            record |= self._mapping.render("lead", dispatch, new=new)
            record[self._fields.signal] = dispatch.signal.id
        body = {"action": "createOrUpdate", "lookupField": self._fields.external_id, "input": [record]}
        if adopted is not None:
            body = {"action": "updateOnly", "lookupField": "id", "input": [{"id": adopted, **record}]}
        if self._settings.partition:
            body["partitionName"] = self._settings.partition
        return Call("POST", _LEADS, json=body)

    def _activity_call(self, lead_id: int, dispatch: Dispatch) -> Call:
        signal = dispatch.signal
        attributes = {
            **self._mapping.render("activity", dispatch),
            "signalId": signal.id,
            "revision": signal.revision,
        }
        activity = {
            "leadId": lead_id,
            "activityDate": instant(dispatch.at),
            "activityTypeId": self._settings.activity_type_id,
            "primaryAttributeValue": dispatch.key,
            "attributes": [{"name": name, "value": str(value)} for name, value in attributes.items()],
        }
        return Call("POST", _ACTIVITIES, json={"input": [activity]}, repeatable=False)

    def _enrolment_calls(self, lead_id: int) -> dict[str, Call]:
        settings, calls = self._settings, {}
        if settings.list_id is not None:
            path = f"/rest/v1/lists/{settings.list_id}/leads.json"
            calls["list"] = Call("POST", path, json={"input": [{"id": lead_id}]})
        if settings.program_id is not None:
            path = f"/rest/v1/programs/{settings.program_id}/members/status.json"
            body = {"statusName": settings.program_status, "input": [{"leadId": lead_id}]}
            calls["program"] = Call("POST", path, json=body)
        return calls


def _has_unsubscribed(lead: Mapping[str, Any]) -> bool:
    """Whether the lead said at Marketo that it wants no e-mails of marketing."""
    return str(lead.get(_UNSUBSCRIBED) or "").lower() in {"true", "1"}


def _taken(result: Sequence[Mapping[str, Any]], statuses: set[str]) -> Mapping[str, Any]:
    """The one record of ``result``. Raises ``DeliveryRefused`` with Marketo's reason where it was skipped."""
    record = result[0] if result else {}
    if record.get("status") in statuses:
        return record
    code, message = first_error(record, "reasons")
    if not code:
        code, message = first_error(record)
    # Marketo repeats the value that it does not like, which may be somebody's address.
    said = f"marketo: the record was skipped: {code} {redact(message[:4000]).text[:300]}".rstrip()
    if code in _LATER or not result:
        raise DeliveryFailed(said)
    raise DeliveryRefused(said)


def _is_gone(result: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the one record was skipped because it is not there: whoever was to leave is out."""
    return bool(result) and first_error(result[0], "reasons")[0] in _NOT_THERE


def _is_newer(activity: Mapping[str, Any], dispatch: Dispatch) -> bool:
    """Whether ``activity`` tells of the same signal what happened to it after ``dispatch``."""
    told = {entry.get("name"): entry.get("value") for entry in activity.get("attributes") or []}
    revision = str(told.get("revision") or "")
    newer = revision.isdecimal() and int(revision) > dispatch.signal.revision
    return newer and told.get("signalId") == dispatch.signal.id


def _activity_id(activity: Mapping[str, Any]) -> str:
    """``marketoGUID`` where there is one: Adobe says not to rely on ``id``."""
    return str(activity.get("marketoGUID") or activity.get("id") or "")
