"""What became of signals: deals, and tasks or notes of ours, that changed in HubSpot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from kit.ids import SignalId
from signals.connectors.answer import Json
from signals.connectors.connector import DeliveryFailed, InboundOutcome, OutcomeKind, OutcomePage
from signals.connectors.cursor import Round
from signals.connectors.http import Call, HttpClient
from signals.connectors.hubspot.objects import HubSpotObjects
from signals.connectors.hubspot.settings import HubSpotSettings
from signals.connectors.mapping import FieldMapping

_PAGE = 100
_OVERLAP = timedelta(minutes=2)  # the index of search lags behind the records
_CHANGED = "hs_lastmodifieddate"
_ID = "hs_object_id"
_DEAL = (_CHANGED, "dealstage", "hs_is_closed", "hs_is_closed_won", "amount", "deal_currency_code")
_REASONS = ("closed_lost_reason", "hubspot_owner_id")
_TASK = (_CHANGED, "hs_task_status", "hubspot_owner_id")


class HubSpotOutcomes:
    """Searches one page a call: deals first, then tasks or notes.

    A round reads what changed up to the newest change that there is when it begins, in the order of
    HubSpot's ids: pages by place end at 10,000 results, and skip records where others change meanwhile. News
    of the last two minutes comes again; the receiver knows it by its ``external_id``.
    """

    def __init__(
        self, settings: HubSpotSettings, mapping: FieldMapping, client: HttpClient, objects: HubSpotObjects
    ) -> None:
        self._settings = settings
        self._client = client
        self._objects = objects
        stage = mapping.objects.get("deal", {}).get("dealstage")
        self._kinds = ("deals", f"{settings.record}s")
        self._first_stage = None if stage is None else stage.constant

    async def page(self, cursor: str | None) -> OutcomePage:
        """Outcomes since ``cursor``. Raises ``DeliveryFailed``, and ``InvalidInput`` for a foreign cursor."""
        at = Round.read(cursor, self._kinds, of="HubSpot")
        until = at.latest or await self._newest(at)
        if until is None:
            moved, more = at.moved(self._kinds, latest=None, page=None)
            return OutcomePage([], moved.text(), more)
        records = await self._found(self._search(at, until, after=at.page))
        try:
            outcomes = [self._outcome(at.kind, one["id"], one["properties"]) for one in records]
            last = str(records[-1]["id"]) if len(records) == _PAGE else None
        except (KeyError, TypeError, ValueError):
            raise _unreadable() from None
        moved, more = at.moved(self._kinds, latest=until, page=last)
        return OutcomePage([one for one in outcomes if one], moved.text(), more)

    async def _newest(self, at: Round) -> str | None:
        """When the newest of the round's records was changed; none where there is no such."""
        records = await self._found(self._search(at))
        try:
            return str(records[0]["properties"][_CHANGED]) if records else None
        except (KeyError, TypeError):
            raise _unreadable() from None

    async def _found(self, search: Call) -> list[Any]:
        said = (await self._client.send(search)).json()
        records = said.get("results") if isinstance(said, dict) else None
        if not isinstance(records, list):
            raise _unreadable()
        return records

    async def of_deals(self, ids: Sequence[str]) -> list[InboundOutcome]:
        """Outcomes of the deals of HubSpot's ``ids``, those that are ours."""
        found: list[InboundOutcome | None] = []
        for begin in range(0, len(ids), _PAGE):
            held = await self._objects.find("deals", ids[begin : begin + _PAGE], self._properties("deals"))
            ours = [one for one in held if one.properties.get(self._settings.id_property)]
            found += [self._outcome("deals", one.id, one.properties) for one in ours]
        return [one for one in found if one]

    def _properties(self, kind: str) -> list[str]:
        own = (*_DEAL, *_REASONS) if kind == "deals" else _TASK
        ours = (self._settings.id_property, self._settings.outcome_property)
        return [name for name in (*own, *ours) if name]

    def _search(self, at: Round, until: str | None = None, *, after: str | None = None) -> Call:
        """A page of what changed up to ``until``, behind the id ``after``; without ``until`` the newest."""
        filters: list[Json] = [{"propertyName": self._settings.id_property, "operator": "HAS_PROPERTY"}]
        since = at.since.get(at.kind)
        if since is not None:
            filters.append(_compared(_CHANGED, "GTE", _milliseconds(since, earlier=_OVERLAP)))
        if until is not None:
            filters.append(_compared(_CHANGED, "LTE", _milliseconds(until)))
        if after is not None:
            filters.append(_compared(_ID, "GT", after))
        newest_first = {"propertyName": _CHANGED, "direction": "DESCENDING"}
        body: dict[str, Any] = {
            "filterGroups": [{"filters": filters}],
            "sorts": [newest_first if until is None else {"propertyName": _ID, "direction": "ASCENDING"}],
            "properties": self._properties(at.kind),
            "limit": 1 if until is None else _PAGE,
        }
        return Call("POST", f"/crm/v3/objects/{at.kind}/search", json=body)

    def _outcome(self, kind: str, record: str, held: Mapping[str, Any]) -> InboundOutcome | None:
        outcome = self._said(held) or (self._of_deal(held) if kind == "deals" else self._of_task(held))
        if outcome is None:
            return None
        won = outcome is OutcomeKind.WON
        amount = held.get("amount") if won else None
        return InboundOutcome(
            SignalId(str(held[self._settings.id_property])),
            outcome,
            f"{kind}:{record}:{held[_CHANGED]}",
            datetime.fromisoformat(held[_CHANGED]),
            amount=float(amount) if amount else None,
            currency=held.get("deal_currency_code") if amount else None,
            reason=held.get("closed_lost_reason") or held.get("dealstage") or held.get("hs_task_status"),
            who=held.get("hubspot_owner_id"),
        )

    def _said(self, held: Mapping[str, Any]) -> OutcomeKind | None:
        """The outcome that somebody picked, if it is one of ours."""
        word = str(held.get(self._settings.outcome_property or "") or "").strip().lower().replace(" ", "_")
        return OutcomeKind(word) if word in set(OutcomeKind) else None

    def _of_deal(self, held: Mapping[str, Any]) -> OutcomeKind | None:
        stage = held.get("dealstage")
        if stage in self._settings.stage_outcomes:
            return self._settings.stage_outcomes[str(stage)]
        if held.get("hs_is_closed_won") == "true":
            return OutcomeKind.WON
        if held.get("hs_is_closed") == "true":
            return OutcomeKind.LOST
        return None if stage == self._first_stage else OutcomeKind.IN_PROGRESS  # untouched says nothing

    def _of_task(self, held: Mapping[str, Any]) -> OutcomeKind | None:
        return self._settings.task_outcomes.get(str(held.get("hs_task_status")))


def _compared(name: str, operator: str, value: str) -> Json:
    return {"propertyName": name, "operator": operator, "value": value}


def _milliseconds(moment: str, *, earlier: timedelta = timedelta(0)) -> str:
    return str(round((datetime.fromisoformat(moment) - earlier).timestamp() * 1000))


def _unreadable() -> DeliveryFailed:
    return DeliveryFailed("HubSpot's search answer is not what it should be.")
