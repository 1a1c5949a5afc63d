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
_DEEPEST = 10_000  # results of one search that can be paged through
_AGAIN = "0"  # the first page of a search that goes on where another one had to end
_OVERLAP = timedelta(minutes=2)  # the index of search lags behind the records
_CHANGED = "hs_lastmodifieddate"
_DEAL = (_CHANGED, "dealstage", "hs_is_closed", "hs_is_closed_won", "amount", "deal_currency_code")
_REASONS = ("closed_lost_reason", "hubspot_owner_id")
_TASK = (_CHANGED, "hs_task_status", "hubspot_owner_id")


class HubSpotOutcomes:
    """Searches one page a call: deals first, then tasks or notes.

    News of the last two minutes comes again; the receiver knows it by its ``external_id``.
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
        said = (await self._client.send(self._search(at))).json()
        try:
            records = said["results"]
            outcomes = [self._outcome(at.kind, one["id"], one["properties"]) for one in records]
            latest = records[-1]["properties"][_CHANGED] if records else None
            after = ((said.get("paging") or {}).get("next") or {}).get("after")
        except (KeyError, TypeError, ValueError):
            raise DeliveryFailed("HubSpot's search answer is not what it should be.") from None
        if after and int(after) + _PAGE > _DEEPEST and latest:
            at, after = Round({**at.since, at.kind: latest}, at.kind), _AGAIN  # begin again from there
        moved, more = at.moved(self._kinds, latest=latest, page=after)
        return OutcomePage([one for one in outcomes if one], moved.text(), more)

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

    def _search(self, at: Round) -> Call:
        filters: list[Json] = [{"propertyName": self._settings.id_property, "operator": "HAS_PROPERTY"}]
        since = at.since.get(at.kind)
        if since is not None:
            begin = datetime.fromisoformat(since)
            if at.page != _AGAIN:
                begin -= _OVERLAP
            value = str(int(begin.timestamp() * 1000))
            filters.append({"propertyName": _CHANGED, "operator": "GTE", "value": value})
        body: dict[str, Any] = {
            "filterGroups": [{"filters": filters}],
            "sorts": [_CHANGED],
            "properties": self._properties(at.kind),
            "limit": _PAGE,
            "after": at.page or _AGAIN,
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
