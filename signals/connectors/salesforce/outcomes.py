"""What became of signals: opportunities and tasks of ours that changed in Salesforce."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from kit.errors import InvalidInput
from kit.ids import SignalId
from signals.connectors.connector import DeliveryFailed, InboundOutcome, OutcomeKind, OutcomePage
from signals.connectors.http import Call, HttpClient
from signals.connectors.mapping import FieldMapping
from signals.connectors.salesforce.settings import SalesforceSettings
from signals.connectors.salesforce.soql import moment, select

_KINDS = ("Opportunity", "Task")
# A record's time is that of its transaction's beginning: one that took a minute appears a minute late.
_OVERLAP = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class _Cursor:
    """``since`` by kind; while pages of ``kind`` are left, ``url`` is the next of them."""

    since: Mapping[str, str]
    kind: str = _KINDS[0]
    url: str | None = None
    latest: str | None = None

    @classmethod
    def read(cls, text: str | None) -> _Cursor:
        if text is None:
            return cls({})
        try:
            cursor = cls(**json.loads(text))
            known = cursor.kind in _KINDS and set(cursor.since) <= set(_KINDS)
            for when in (*cursor.since.values(), *([cursor.latest] if cursor.latest else [])):
                datetime.fromisoformat(when)
        except (ValueError, TypeError, AttributeError):
            known = False
        if not known:
            raise InvalidInput("This is no cursor of the Salesforce connector.")
        return cursor

    def text(self) -> str:
        return json.dumps(asdict(self))


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
        at = _Cursor.read(cursor)
        said = await self._ask(at)
        try:
            records = said["records"]
            outcomes = [self._outcome(at.kind, one) for one in records]
            following = said.get("nextRecordsUrl") if not said["done"] else None
            latest = records[-1]["SystemModstamp"] if records else at.latest
        except (KeyError, TypeError, ValueError):
            raise DeliveryFailed("Salesforce's query answer is not what it should be.") from None
        moved, more = _moved(at, latest=latest, following=following)
        return OutcomePage([one for one in outcomes if one], moved.text(), more)

    async def _ask(self, at: _Cursor) -> dict[str, Any]:
        if at.url:
            answer = await self._client.send(
                Call("GET", at.url), accept={HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}
            )
            if answer.status < 300:
                return dict(answer.json())
            # A locator lives two days at most: begin this kind again, from where its last round ended.
        path = f"/services/data/{self._settings.api_version}/query/?{urlencode({'q': self._question(at)})}"
        return dict((await self._client.send(Call("GET", path))).json())

    def _question(self, at: _Cursor) -> str:
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


def _moved(at: _Cursor, *, latest: str | None, following: str | None) -> tuple[_Cursor, bool]:
    """The cursor after a page, and whether more is there at once."""
    if following:
        return replace(at, url=following, latest=latest), True
    since = {**at.since, **({at.kind: latest} if latest else {})}
    last = at.kind == _KINDS[-1]
    return _Cursor(since, _KINDS[0] if last else _KINDS[1]), not last
