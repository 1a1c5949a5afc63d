"""What became of signals: opportunities and tasks of ours that changed in Salesforce."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from kit.ids import SignalId
from signals.connectors.connector import DeliveryFailed, InboundOutcome, OutcomeKind, OutcomePage
from signals.connectors.cursor import Round
from signals.connectors.http import Call, HttpClient
from signals.connectors.mapping import FieldMapping
from signals.connectors.salesforce.settings import SalesforceSettings
from signals.connectors.salesforce.soql import moment, select

_KINDS = ("Opportunity", "Task")
# A record's time is that of its transaction's beginning: one that took a minute appears a minute late.
_OVERLAP = timedelta(minutes=2)


class SalesforceOutcomes:
    """Reads one page a call: opportunities first, then tasks.

    News of the last two minutes comes again; the receiver knows it by its ``external_id``.
    """

    def __init__(self, settings: SalesforceSettings, mapping: FieldMapping, client: HttpClient) -> None:
        self._settings = settings
        self._client = client
        stage = mapping.objects.get("Opportunity", {}).get("StageName")
        self._first_stage = None if stage is None else stage.constant

    async def page(self, cursor: str | None) -> OutcomePage:
        """Outcomes since ``cursor``. Raises ``DeliveryFailed``, and ``InvalidInput`` for a foreign cursor."""
        at = Round.read(cursor, _KINDS, of="Salesforce")
        said = await self._ask(at)
        try:
            records = said["records"]
            outcomes = [self._outcome(at.kind, one) for one in records]
            following = said.get("nextRecordsUrl") if not said["done"] else None
            latest = records[-1]["SystemModstamp"] if records else None
        except (KeyError, TypeError, ValueError):
            raise DeliveryFailed("Salesforce's query answer is not what it should be.") from None
        moved, more = at.moved(_KINDS, latest=latest, page=following)
        return OutcomePage([one for one in outcomes if one], moved.text(), more)

    async def _ask(self, at: Round) -> dict[str, Any]:
        if at.page:
            answer = await self._client.send(
                Call("GET", at.page), accept={HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}
            )
            if answer.status < 300:
                return dict(answer.json())
            # A locator lives two days at most: begin this kind again, from where its last round ended.
        path = f"/services/data/{self._settings.api_version}/query/?{urlencode({'q': self._question(at)})}"
        return dict((await self._client.send(Call("GET", path))).json())

    def _question(self, at: Round) -> str:
        settings = self._settings
        own = (
            ("StageName", "IsWon", "IsClosed", "Amount")
            if at.kind == "Opportunity"
            else ("Status", "IsClosed")
        )
        fields = ["Id", settings.external_id_field, "SystemModstamp", "LastModifiedById", *own]
        fields += [settings.outcome_field] if settings.outcome_field else []
        where = f"{settings.external_id_field} != null"
        since = at.since.get(at.kind)
        if since is not None:
            where += f" AND SystemModstamp >= {moment(datetime.fromisoformat(since) - _OVERLAP)}"
        return select(fields, at.kind, where, rest="ORDER BY SystemModstamp, Id")

    def _outcome(self, kind: str, record: Mapping[str, Any]) -> InboundOutcome | None:
        outcome = self._said(record) or (
            self._of_deal(record) if kind == "Opportunity" else self._of_task(record)
        )
        if outcome is None:
            return None
        amount = record.get("Amount")
        return InboundOutcome(
            SignalId(record[self._settings.external_id_field]),
            outcome,
            f"{record['Id']}:{record['SystemModstamp']}",
            datetime.fromisoformat(record["SystemModstamp"]),
            amount=None if amount is None or outcome is not OutcomeKind.WON else float(amount),
            currency=self._settings.currency if amount is not None and outcome is OutcomeKind.WON else None,
            reason=record.get("StageName") or record.get("Status"),
            who=record.get("LastModifiedById"),
        )

    def _said(self, record: Mapping[str, Any]) -> OutcomeKind | None:
        """The outcome that somebody picked, if it is one of ours."""
        word = str(record.get(self._settings.outcome_field or "") or "").strip().lower().replace(" ", "_")
        return OutcomeKind(word) if word in set(OutcomeKind) else None

    def _of_deal(self, record: Mapping[str, Any]) -> OutcomeKind | None:
        stage = record["StageName"]
        if stage in self._settings.stage_outcomes:
            return self._settings.stage_outcomes[stage]
        if record["IsClosed"]:
            return OutcomeKind.WON if record["IsWon"] else OutcomeKind.LOST
        return None if stage == self._first_stage else OutcomeKind.IN_PROGRESS  # untouched says nothing

    def _of_task(self, record: Mapping[str, Any]) -> OutcomeKind | None:
        return self._settings.task_outcomes.get(record["Status"])
