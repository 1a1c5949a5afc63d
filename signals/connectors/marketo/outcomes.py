"""Outcomes from Marketo: changes of a lead's outcome field, which sales or a smart campaign sets."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from kit.clock import Clock
from kit.ids import SignalId
from signals.connectors.connector import DeliveryFailed, InboundOutcome, OutcomeKind, OutcomePage
from signals.connectors.http import Call, HttpClient
from signals.connectors.marketo.settings import MarketoFields
from signals.connectors.signal_document import instant

_FIRST_LOOK = timedelta(days=7)  # how far back the first poll reaches
_LEADS_AT_ONCE = 300


class MarketoOutcomes:
    """Reads the log of changes to leads, page by page; the cursor is Marketo's own paging token.

    An outcome belongs to the signal that the lead names at the time of the poll. A value that is none of
    ours, and a lead that names no signal, are passed over.
    """

    def __init__(
        self, http: HttpClient, fields: MarketoFields, clock: Clock, *, currency: str | None = None
    ) -> None:
        """``currency`` (ISO 4217) is that of amounts, which carry none at Marketo."""
        self._http = http
        self._fields = fields
        self._currency = currency
        self._clock = clock

    async def page(self, cursor: str | None) -> OutcomePage:
        """The outcomes of one page. Raises ``DeliveryFailed``."""
        params = {"nextPageToken": cursor or await self._first_token(), "fields": self._fields.outcome}
        body = (await self._http.send(Call("GET", "/rest/v1/activities/leadchanges.json", params))).json()
        changes = [found for change in body.get("result") or [] for found in self._changed(change)]
        leads = await self._leads(sorted({change["leadId"] for change, _ in changes}))
        outcomes = [
            self._outcome(change, kind, leads[change["leadId"]])
            for change, kind in changes
            if leads.get(change["leadId"], {}).get(self._fields.signal)
        ]
        token = body.get("nextPageToken")
        if not token:
            raise DeliveryFailed("marketo: the answer has no paging token")
        return OutcomePage(outcomes, str(token), more=bool(body.get("moreResult")))

    async def _first_token(self) -> str:
        since = {"sinceDatetime": instant(self._clock.now() - _FIRST_LOOK)}
        answer = await self._http.send(Call("GET", "/rest/v1/activities/pagingtoken.json", since))
        return str(answer.json()["nextPageToken"])

    def _changed(self, change: dict[str, Any]) -> list[tuple[dict[str, Any], OutcomeKind]]:
        values = [
            str(field.get("newValue", "")).strip().lower()
            for field in change.get("fields") or []
            if field.get("name") == self._fields.outcome
        ]
        return [(change, OutcomeKind(value)) for value in values if value in set(OutcomeKind)]

    async def _leads(self, ids: list[int]) -> dict[int, dict[str, Any]]:
        if not ids:
            return {}
        fields = self._fields
        params = {
            "filterType": "id",
            "filterValues": ",".join(map(str, ids[:_LEADS_AT_ONCE])),
            "fields": f"id,{fields.signal},{fields.amount},{fields.reason}",
        }
        body = (await self._http.send(Call("GET", "/rest/v1/leads.json", params))).json()
        return {int(lead["id"]): lead for lead in body.get("result") or []}

    def _outcome(self, change: dict[str, Any], kind: OutcomeKind, lead: dict[str, Any]) -> InboundOutcome:
        amount = _number(lead.get(self._fields.amount))
        return InboundOutcome(
            signal_id=SignalId(str(lead[self._fields.signal])),
            outcome=kind,
            external_id=str(change.get("marketoGUID") or change["id"]),
            at=datetime.fromisoformat(str(change["activityDate"])),
            amount=amount,
            currency=None if amount is None else self._currency,
            reason=lead.get(self._fields.reason) or None,
        )


def _number(value: object) -> float | None:
    try:
        return None if value is None else float(str(value))
    except ValueError:
        return None
