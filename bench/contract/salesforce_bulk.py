"""Bulk API 2.0 of the Salesforce server: jobs that take a file, work, and tell what failed."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.contract.salesforce_records import EXTERNAL_ID, Complained

if TYPE_CHECKING:
    from bench.contract.salesforce import SalesforceVendor


@dataclass
class _Job:
    id: str
    described: dict[str, Any]
    state: str = "Open"
    rows: list[dict[str, str]] | None = None
    good: list[dict[str, str]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        numbers = {"numberRecordsProcessed": len(self.good), "numberRecordsFailed": len(self.failed)}
        return {"id": self.id, "state": self.state, "apiVersion": 60.0, **self.described, **numbers}


class BulkJobs:
    """A job is in progress when first asked, and complete when asked again."""

    def __init__(self, vendor: SalesforceVendor) -> None:
        self._vendor = vendor
        self._jobs: dict[str, _Job] = {}

    def routes(self, root: str) -> list[Route]:
        return [
            Route(f"{root}/jobs/ingest", self._open, methods=["POST"]),
            Route(f"{root}/jobs/ingest/{{job}}/batches", self._take, methods=["PUT"]),
            Route(f"{root}/jobs/ingest/{{job}}/{{which}}Results", self._results, methods=["GET"]),
            Route(f"{root}/jobs/ingest/{{job}}", self._job, methods=["GET", "PATCH"]),
        ]

    async def _open(self, request: Request) -> Response:
        job = _Job(f"750{len(self._jobs):012}AAA", await request.json())
        self._jobs[job.id] = job
        return JSONResponse(job.json())

    async def _take(self, request: Request) -> Response:
        job = self._jobs[request.path_params["job"]]
        if job.rows is not None:
            return JSONResponse([{"errorCode": "INVALIDJOBSTATE", "message": "rows are there already"}], 400)
        text = (await request.body()).decode("utf-8")
        job.rows = list(csv.DictReader(io.StringIO(text, newline="")))
        return Response(status_code=201)

    async def _job(self, request: Request) -> Response:
        job = self._jobs[request.path_params["job"]]
        if request.method == "PATCH":
            job.state = (await request.json())["state"]
        elif job.state == "UploadComplete":
            job.state = "InProgress"
        elif job.state == "InProgress":
            self._work(job)
            job.state = "JobComplete"
        return JSONResponse(job.json())

    def _work(self, job: _Job) -> None:
        with self._vendor.lock:
            for row in job.rows or []:
                try:
                    record, new = self._vendor.org.upsert(
                        job.described["object"], row[EXTERNAL_ID], self._values(row)
                    )
                    job.good.append({"sf__Id": record["Id"], "sf__Created": str(new).lower(), **row})
                except Complained as complained:
                    said = complained.body[0]
                    error = f"{said['errorCode']}:{said['message']}:{','.join(complained.fields)} --"
                    job.failed.append({"sf__Id": "", "sf__Error": error, **row})

    def _values(self, row: dict[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, cell in row.items():
            if name == EXTERNAL_ID or cell == "":
                continue
            if ":" in name:  # Contact:Who.Careloop_Id__c
                kind, _, relation = name.partition(":")
                values[f"{relation.partition('.')[0]}Id"] = self._reference(kind, cell)
            else:
                values[name] = None if cell == "#N/A" else cell
        return values

    def _reference(self, kind: str, external_id: str) -> str:
        for record in self._vendor.org.records[kind].values():
            if record[EXTERNAL_ID] == external_id:
                return str(record["Id"])
        raise Complained(400, "INVALID_FIELD", f"Foreign key external ID: {external_id} not found")

    async def _results(self, request: Request) -> Response:
        job = self._jobs[request.path_params["job"]]
        which = request.path_params["which"]
        rows = job.failed if which == "failed" else job.good if which == "successful" else []
        columns = ["sf__Id", "sf__Error" if which == "failed" else "sf__Created", *(job.rows or [{}])[0]]
        file = io.StringIO()
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return Response(file.getvalue(), media_type="text/csv")
