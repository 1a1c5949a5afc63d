"""A server that behaves like Salesforce: JWT bearer tokens, REST, composite, SOQL pages, Bulk API 2.0."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.contract.faults import Faults
from bench.contract.salesforce_bulk import BulkJobs
from bench.contract.salesforce_records import EXTERNAL_ID, WRITABLE, Complained, Org
from bench.contract.vendor import Vendor
from kit.clock import Clock
from signals.connectors.answer import Json

_DATA = "/services/data/v60.0"
_REFERENCE = re.compile(r"@\{(\w+)\.(\w+)\}")


class SalesforceVendor(Vendor):
    """``org`` is what it holds. It lets in ``username`` of ``consumer_key`` who signs with ``public_key``."""

    name = "salesforce"
    spared = ("/services/oauth2/token",)

    def __init__(
        self,
        *,
        public_key: str,
        clock: Clock,
        consumer_key: str = "consumer",
        username: str = "careloop@example.com",
        page: int = 2000,
        faults: Faults | None = None,
    ) -> None:
        self.org = Org()
        self.page = page
        self._public_key = public_key
        self._clock = clock
        self._consumer_key = consumer_key
        self._username = username
        self._pages: dict[str, list[dict[str, Any]]] = {}
        self._jobs = BulkJobs(self)
        super().__init__(faults)

    def routes(self) -> list[Route]:
        return [
            Route("/services/oauth2/token", self._token, methods=["POST"]),
            Route(f"{_DATA}/composite", self._composite, methods=["POST"]),
            *self._jobs.routes(_DATA),
            Route(f"{_DATA}/{{rest:path}}", self._single, methods=["GET", "POST", "PATCH"]),
        ]

    def rate_limited(self) -> Response:
        """Salesforce says 403 for its daily limit and 429 at its edge; both are tried, the edge here."""
        body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
        return JSONResponse(body, 429, {"Retry-After": str(self.faults.retry_after)})

    def server_error(self) -> Response:
        return JSONResponse([{"errorCode": "SERVER_UNAVAILABLE", "message": "try again"}], 503)

    def locked_out(self) -> Response:
        return JSONResponse(
            [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}], 401
        )

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        try:
            claims = jwt.decode(
                form["assertion"],
                self._public_key,
                algorithms=["RS256"],
                audience=[f"http://{request.headers['host']}", "https://login.salesforce.com"],
                options={"verify_exp": False, "require": ["iss", "sub", "aud", "exp"]},
            )
        except (jwt.InvalidTokenError, KeyError):
            return _no_token("invalid assertion")
        left = float(claims["exp"]) - self._clock.now().timestamp()
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" or not 0 < left <= 300:
            return _no_token("expired authorization code")
        if (claims["iss"], claims["sub"]) != (self._consumer_key, self._username):
            return _no_token("user hasn't approved this consumer")
        url = f"http://{request.headers['host']}"
        return JSONResponse({"access_token": self.issue(), "instance_url": url, "token_type": "Bearer"})

    async def _single(self, request: Request) -> Response:
        body = await request.body()
        try:
            with self.lock:
                url = f"{request.url.path}?{request.url.query}"
                status, said = self._do(request.method, url, json.loads(body) if body else None)
        except Complained as complained:
            status, said = complained.status, complained.body
        return Response(status_code=status) if said is None else JSONResponse(said, status)

    def _do(self, method: str, url: str, body: Json) -> tuple[int, Json]:  # noqa: PLR0911 (one a resource)
        parts = urlsplit(url)
        path = [unquote(step) for step in parts.path.removeprefix(_DATA).strip("/").split("/")]
        match method, path:
            case "GET", ["query"]:
                return 200, self._first_page(parse_qs(parts.query)["q"][0])
            case "GET", ["query", locator]:
                return 200, self._next_page(locator)
            case "GET", ["sobjects", kind, "describe"]:
                return 200, self._described(self.org.kind(kind))
            case "GET", ["sobjects", kind, record]:
                return 200, self.org.records[self.org.kind(kind)][record]
            case "POST", ["sobjects", kind]:
                return 201, {
                    "id": self.org.create(self.org.kind(kind), body)["Id"],
                    "success": True,
                    "errors": [],
                }
            case "PATCH", ["sobjects", kind, field, external_id] if field == EXTERNAL_ID:
                held, new = self.org.upsert(self.org.kind(kind), external_id, body)
                said = {"id": held["Id"], "success": True, "errors": [], "created": new}
                return (201 if new else 200), said
            case "PATCH", ["sobjects", kind, record]:
                self.org.update(self.org.kind(kind), record, body)
                return 204, None
        raise Complained(404, "NOT_FOUND", "The requested resource does not exist")

    async def _composite(self, request: Request) -> Response:
        said = await request.json()
        answers: list[dict[str, Any]] = []

        def work() -> None:
            done: dict[str, Any] = {}
            for part in said["compositeRequest"]:
                try:
                    body = _filled(part.get("body"), done)
                    status, result = self._do(part["method"], _filled(part["url"], done), body)
                except Complained as complained:
                    answers.append(_answer(part, complained.status, complained.body))
                    if said["allOrNone"]:
                        raise
                else:
                    done[part["referenceId"]] = result or {}
                    answers.append(_answer(part, status, result))

        with self.lock:
            try:
                self.org.transaction(work)
            except Complained:
                halted = [{"errorCode": "PROCESSING_HALTED", "message": "The transaction was rolled back"}]
                answers[:-1] = [{**one, "httpStatusCode": 400, "body": halted} for one in answers[:-1]]
                answers += [_answer(part, 400, halted) for part in said["compositeRequest"][len(answers) :]]
        return JSONResponse({"compositeResponse": answers})

    def _first_page(self, soql: str) -> dict[str, Any]:
        return self._paged(self.org.query(soql))

    def _next_page(self, locator: str) -> dict[str, Any]:
        if locator not in self._pages:
            raise Complained(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._paged(self._pages[locator])

    def _paged(self, records: list[dict[str, Any]]) -> dict[str, Any]:
        said: dict[str, Any] = {"totalSize": len(records), "done": True, "records": records[: self.page]}
        if len(records) > self.page:
            locator = f"01g{len(self._pages):012}-{self.page}"
            self._pages[locator] = records[self.page :]
            said |= {"done": False, "nextRecordsUrl": f"{_DATA}/query/{locator}"}
        return said

    def forget_pages(self) -> None:
        """What two days do to a query locator."""
        self._pages.clear()

    def _described(self, kind: str) -> dict[str, Any]:
        return {
            "name": kind,
            "fields": [
                {"name": name, "createable": name in WRITABLE[kind], "externalId": name == EXTERNAL_ID}
                for name in self.org.fields(kind)
            ],
        }


def _no_token(why: str) -> Response:
    return JSONResponse({"error": "invalid_grant", "error_description": why}, 400)


def _answer(part: Mapping[str, Any], status: int, body: Json) -> dict[str, Any]:
    return {"referenceId": part["referenceId"], "httpStatusCode": status, "httpHeaders": {}, "body": body}


def _filled(value: Json, done: Mapping[str, Any]) -> Json:
    """``value`` with its references to earlier parts put in."""
    if isinstance(value, dict):
        return {name: _filled(part, done) for name, part in value.items()}
    if not isinstance(value, str):
        return value
    reference = _REFERENCE.fullmatch(value)
    if reference is None:
        return value
    if reference[2] not in done.get(reference[1], {}):
        raise Complained(400, "PROCESSING_HALTED", f"Invalid reference specified: {value}")
    return done[reference[1]][reference[2]]
