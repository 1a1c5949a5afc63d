"""Backfills over Bulk API 2.0: thousands of signals in two jobs, people first and then their tasks.

Opportunities are not backfilled: old intent would flood the pipeline. ``simple-salesforce`` has a client
for this API, which blocks and sleeps; it drives our contract server in the tests instead.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from kit.ids import SignalId
from signals.connectors.connector import DeliveryFailed, DeliveryRefused, Dispatch
from signals.connectors.http import Call, HttpClient
from signals.connectors.mapping import FieldMapping
from signals.connectors.salesforce.settings import SalesforceSettings
from signals.connectors.salesforce.soql import one_of, select
from signals.connectors.waiting import Waiting

_AT_ONCE = 5_000  # rows a job; Salesforce takes 150 MB, and 5,000 tasks of 8 kB are 40
_IDS_A_QUESTION = 200  # ids in one URL of SOQL: 16 kB is the most
_EMPTY = "#N/A"  # what clears a field in a file of Bulk API 2.0; an empty cell leaves it as it is


@dataclass(frozen=True, slots=True)
class BulkReport:
    """What became of each signal: taken, known there already, or refused with Salesforce's own reason."""

    taken: tuple[SignalId, ...]
    known: tuple[SignalId, ...]
    refused: Mapping[SignalId, str]


class SalesforceBulk:
    """Sends many dispatches. Upserts by our id: sent twice, they are there once."""

    def __init__(
        self,
        settings: SalesforceSettings,
        mapping: FieldMapping,
        client: HttpClient,
        waiting: Waiting,
        *,
        patience: float = 1800.0,
    ) -> None:
        self._settings = settings
        self._mapping = mapping
        self._client = client
        self._waiting = waiting
        self._patience = patience  # seconds that one job may take
        self._jobs = f"/services/data/{settings.api_version}/jobs/ingest"

    async def backfill(self, dispatches: Sequence[Dispatch]) -> BulkReport:
        """Raises ``DeliveryFailed`` where a job does not end; sending all again is safe."""
        taken: list[SignalId] = []
        known: list[SignalId] = []
        refused: dict[SignalId, str] = {}
        for begin in range(0, len(dispatches), _AT_ONCE):
            batch = dispatches[begin : begin + _AT_ONCE]
            revisions = await self._revisions(batch)
            fresh = {
                one.signal.id: one for one in batch if revisions.get(one.signal.id, 0) < one.signal.revision
            }
            known += [one.signal.id for one in batch if one.signal.id not in fresh]
            failed = await self._send(list(fresh.values()), revisions)
            refused |= failed
            taken += [signal for signal in fresh if signal not in failed]
        return BulkReport(tuple(taken), tuple(known), refused)

    async def _send(self, fresh: Sequence[Dispatch], revisions: Mapping[str, int]) -> dict[SignalId, str]:
        """What Salesforce refused of ``fresh``, with the reason."""
        people = {one.contact.id: one for one in fresh}
        there = await self._people(list(people))
        lost = await self._job(
            self._settings.person,
            [
                {
                    self._settings.external_id_field: customer,
                    **self._mapping.render(self._settings.person, one, new=customer not in there),
                }
                for customer, one in people.items()
            ],
        )
        rows = [
            self._task(one, new=one.signal.id not in revisions) for one in fresh if one.contact.id not in lost
        ]
        failed = await self._job("Task", rows)
        return {
            one.signal.id: lost.get(one.contact.id) or failed[one.signal.id]
            for one in fresh
            if one.contact.id in lost or one.signal.id in failed
        }

    def _task(self, dispatch: Dispatch, *, new: bool) -> dict[str, Any]:
        field, person = self._settings.external_id_field, self._settings.person
        return {
            field: dispatch.signal.id,
            self._settings.revision_field: dispatch.signal.revision,
            # Polymorphic: "Relationship Fields in a Header Row", Bulk API 2.0 guide.
            f"{person}:Who.{field}": dispatch.contact.id,
            **self._mapping.render("Task", dispatch, new=new),
        }

    async def _revisions(self, batch: Sequence[Dispatch]) -> dict[str, int]:
        field, revision = self._settings.external_id_field, self._settings.revision_field
        found = await self._ask("Task", [one.signal.id for one in batch], (field, revision))
        return {record[field]: int(record[revision] or 0) for record in found}

    async def _people(self, ids: Sequence[str]) -> set[str]:
        field = self._settings.external_id_field
        return {record[field] for record in await self._ask(self._settings.person, ids, (field,))}

    async def _ask(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for begin in range(0, len(ids), _IDS_A_QUESTION):
            listed = one_of(ids[begin : begin + _IDS_A_QUESTION])
            soql = select(fields, kind, f"{self._settings.external_id_field} IN {listed}")
            path: str | None = f"/services/data/{self._settings.api_version}/query/?{urlencode({'q': soql})}"
            while path:
                page = (await self._client.send(Call("GET", path))).json()
                found += page["records"]
                path = page.get("nextRecordsUrl")
        return found

    async def _job(self, kind: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Upsert ``rows``; gives the reason of each that was refused, by our id."""
        if not rows:
            return {}
        described = {
            "object": kind,
            "operation": "upsert",
            "externalIdFieldName": self._settings.external_id_field,
            "contentType": "CSV",
            "lineEnding": "LF",
        }
        # A job that is opened twice costs nothing: the one without rows is never started.
        job = (await self._client.send(Call("POST", self._jobs, json=described))).json()["id"]
        path = f"{self._jobs}/{quote(str(job), safe='')}"
        await self._client.send(
            Call(
                "PUT",
                f"{path}/batches",
                content=_csv(rows),
                content_type="text/csv; charset=UTF-8",
                repeatable=False,  # a job takes its rows once; after a cut all begins again
            )
        )
        await self._client.send(Call("PATCH", path, json={"state": "UploadComplete"}))
        await self._wait(path, kind)
        answer = await self._client.send(Call("GET", f"{path}/failedResults", headers={"Accept": "text/csv"}))
        said = csv.DictReader(io.StringIO(answer.body.decode("utf-8")))
        return {
            row[self._settings.external_id_field]: self._client.without_secrets(row["sf__Error"])
            for row in said
        }

    async def _wait(self, path: str, kind: str) -> None:
        until = self._waiting.monotonic() + self._patience
        pause = 1.0
        while True:
            job = (await self._client.send(Call("GET", path))).json()
            match job["state"]:
                case "JobComplete":
                    return
                case "Failed" | "Aborted":
                    reason = self._client.without_secrets(str(job.get("errorMessage") or job["state"]))
                    raise DeliveryRefused(f"Salesforce's job of {kind} ended: {reason}")
                case _ if self._waiting.monotonic() > until:
                    raise DeliveryFailed(f"Salesforce's job of {kind} took more than {self._patience:.0f} s.")
            await self._waiting.sleep(pause)
            pause = min(30.0, pause * 1.5)


def _csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """``rows`` as a file; what one row lacks and another has stays as it is there."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return file.getvalue().encode()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _EMPTY if value is None else str(value)
