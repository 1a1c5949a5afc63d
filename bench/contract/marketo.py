"""A Marketo instance: errors inside 200, tokens that end, records that are skipped, a log that pages.

The shapes are those of Adobe's Swagger for Marketo Engage; a test holds both against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.contract.faults import Faults
from bench.contract.vendor import Vendor

CLIENT_ID = "client"
CLIENT_SECRET = "marketo-secret"
ACTIVITY_TYPE = 100001
LIST, PROGRAM, PROGRAM_STATUS, LEFT_STATUS = 1001, 2001, "Engaged", "Left"
FIELDS = (
    *("id", "email", "firstName", "lastName", "phone", "company", "unsubscribed"),
    *("careloopId", "careloopDelivery", "careloopSignalId"),
    *("careloopOutcome", "careloopOutcomeAmount", "careloopOutcomeReason"),
)
ATTRIBUTES = ("signalId", "revision", "kind", "probability", "score", "quote", "nextAction", "link")
MOST_RECORDS = 300


class Marketo(Vendor):
    """``page`` records are on a page of the log; what happened is in ``leads``, ``activities``, ..."""

    name = "marketo"
    spared = ("/identity/oauth/token",)

    def __init__(self, faults: Faults | None = None, *, page: int = 300, lifetime: int = 3600) -> None:
        super().__init__(faults)
        self.page = page
        self.lifetime = lifetime
        self.leads: dict[int, dict[str, Any]] = {}
        self.activities: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self.listed: set[int] = set()
        self.members: dict[int, str] = {}

    def routes(self) -> list[Route]:
        """What the instance answers."""
        return [
            Route("/identity/oauth/token", self._token, methods=["GET", "POST"]),
            Route("/rest/v1/leads.json", self._find, methods=["GET"]),
            Route("/rest/v1/leads.json", self._sync, methods=["POST"]),
            Route("/rest/v1/leads/describe2.json", self._describe),
            Route("/rest/v1/activities/external/types.json", self._types),
            Route("/rest/v1/activities/external.json", self._add, methods=["POST"]),
            Route("/rest/v1/activities/pagingtoken.json", self._paging_token),
            Route("/rest/v1/activities.json", self._log),
            Route("/rest/v1/activities/leadchanges.json", self._lead_changes),
            Route("/rest/v1/lists/{list_id:int}/leads.json", self._put_on_list, methods=["POST"]),
            Route("/rest/v1/lists/{list_id:int}/leads.json", self._take_off_list, methods=["DELETE"]),
            Route("/rest/v1/programs/{program_id:int}/members/status.json", self._enrol, methods=["POST"]),
            Route("/rest/v1/programs/{program_id:int}/members/delete.json", self._expel, methods=["POST"]),
        ]

    def rate_limited(self) -> Response:
        """Marketo has no 429: it says 606."""
        return failure("606", "Max rate limit '100' exceeded with in '20' secs")

    def server_error(self) -> Response:
        """A gateway's page, without JSON."""
        return Response("<html>Service Unavailable</html>", 503, media_type="text/html")

    def locked_out(self) -> Response:
        """The token is over, or was never good."""
        return failure("602", "Access token expired")

    def set_field(self, lead_id: int, at: datetime, **values: str) -> None:
        """What a person of sales enters at ``at``."""
        with self.lock:
            lead = self.leads[lead_id]
            fields = [
                {"id": 200 + n, "name": name, "newValue": value, "oldValue": str(lead.get(name) or "")}
                for n, (name, value) in enumerate(values.items())
            ]
            lead |= values
            number = len(self.changes) + 1
            self.changes.append(
                {
                    "id": number,
                    "marketoGUID": f"change-{number}",
                    "leadId": lead_id,
                    "activityDate": _stamp(at),
                    "activityTypeId": 13,
                    "fields": fields,
                    "attributes": [],
                }
            )

    async def _token(self, request: Request) -> Response:
        query = request.query_params
        if (query.get("client_id"), query.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            said = {"error": "invalid_client", "error_description": "Bad client credentials"}
            return JSONResponse(said, 401)
        return JSONResponse(
            {
                "access_token": self.issue(),
                "token_type": "bearer",
                "expires_in": self.lifetime,
                "scope": "careloop@example.com",
            }
        )

    async def _find(self, request: Request) -> Response:
        query = request.query_params
        field, values = query.get("filterType", ""), query.get("filterValues", "").split(",")
        if field not in FIELDS:
            return failure("1003", f"Invalid filterType '{field}'")
        names = [name for name in query.get("fields", "id,email").split(",") if name in FIELDS]
        with self.lock:
            found = [lead for lead in self.leads.values() if str(lead.get(field)) in values]
        return _success(
            [{name: lead.get(name) for name in {"id": 0, **dict.fromkeys(names)}} for lead in found]
        )

    async def _sync(self, request: Request) -> Response:
        body = await request.json()
        lookup, records = body.get("lookupField", "email"), body.get("input", [])
        if not records:
            return failure("1003", "Missing input")
        if len(records) > MOST_RECORDS:
            return failure("607", f"Max records in '{MOST_RECORDS}' exceeded")
        if lookup not in FIELDS:
            return failure("1006", f"Field '{lookup}' not found")
        with self.lock:
            return _success([self._sync_one(record, lookup) for record in records])

    def _sync_one(self, record: dict[str, Any], lookup: str) -> dict[str, Any]:
        for name in record:
            if name not in FIELDS:
                return _skipped("1006", f"Field '{name}' not found")
        if " " in record.get("email", ""):
            return _skipped("1003", f"Invalid value '{record['email']}' for field 'email'")
        if not record.get(lookup):
            return _skipped("1003", f"Value for lookup field '{lookup}' is missing")
        found = [lead for lead in self.leads.values() if lead.get(lookup) == record[lookup]]
        if len(found) > 1:
            return _skipped("1007", "Multiple lead match lookup criteria")
        if found:
            found[0].update(record)
            return {"id": found[0]["id"], "status": "updated"}
        number = len(self.leads) + 1
        self.leads[number] = {**record, "id": number}
        return {"id": number, "status": "created"}

    async def _describe(self, _: Request) -> Response:
        described = {"dataType": "string", "updateable": True, "crmManaged": False}
        fields = [{"name": name, "displayName": name, **described} for name in FIELDS]
        return _success(
            [
                {
                    "name": "API Lead",
                    "searchableFields": [["id"], ["email"], ["careloopId"]],
                    "fields": fields,
                }
            ]
        )

    async def _types(self, _: Request) -> Response:
        primary = {"apiName": "deliveryKey", "name": "Delivery key", "dataType": "string", "isPrimary": True}
        return _success(
            [
                {
                    "id": ACTIVITY_TYPE,
                    "apiName": "careloop_signal_c",
                    "name": "Careloop signal",
                    "status": "approved",
                    "primaryAttribute": primary,
                    "attributes": [
                        {"apiName": name, "name": name, "dataType": "string"} for name in ATTRIBUTES
                    ],
                }
            ]
        )

    async def _add(self, request: Request) -> Response:
        with self.lock:
            return _success([self._add_one(record) for record in (await request.json())["input"]])

    def _add_one(self, record: dict[str, Any]) -> dict[str, Any]:
        refused = self._refused(record)
        number = len(self.activities) + 1
        added = {**record, "id": number, "marketoGUID": f"activity-{number}", "errors": []}
        if refused:
            return {**added, "id": 0, "status": "skipped", "errors": [refused]}
        self.activities.append(added)
        return {**added, "status": "added"}

    def _refused(self, record: Mapping[str, Any]) -> dict[str, str] | None:
        if record["leadId"] not in self.leads:
            return {"code": "1004", "message": f"Lead '{record['leadId']}' not found"}
        if record["activityTypeId"] != ACTIVITY_TYPE:
            return {"code": "1003", "message": "Invalid activity type"}
        unknown = [a["name"] for a in record["attributes"] if a["name"] not in ATTRIBUTES]
        if unknown:
            return {"code": "1006", "message": f"Field '{unknown[0]}' not found"}
        return None

    async def _paging_token(self, request: Request) -> Response:
        since = datetime.fromisoformat(request.query_params["sinceDatetime"])
        return _success(None, nextPageToken=f"{_stamp(since)}|0")

    async def _log(self, request: Request) -> Response:
        query = request.query_params
        kinds = {int(kind) for kind in query["activityTypeIds"].split(",")}
        leads = {int(lead) for lead in query.get("leadIds", "").split(",") if lead}

        def wanted(activity: Mapping[str, Any]) -> bool:
            return (not leads or activity["leadId"] in leads) and activity["activityTypeId"] in kinds

        return self._page(self.activities, query["nextPageToken"], wanted)

    async def _lead_changes(self, request: Request) -> Response:
        names = set(request.query_params["fields"].split(","))

        def wanted(change: Mapping[str, Any]) -> bool:
            return any(field["name"] in names for field in change["fields"])

        return self._page(self.changes, request.query_params["nextPageToken"], wanted)

    def _page(
        self, log: list[dict[str, Any]], token: str, wanted: Callable[[Mapping[str, Any]], bool]
    ) -> Response:
        since, _, first = token.partition("|")
        start = datetime.fromisoformat(since)
        with self.lock:
            found = [e for e in log if wanted(e) and datetime.fromisoformat(e["activityDate"]) >= start]
        page = found[int(first) : int(first) + self.page]
        following = int(first) + len(page)
        return _success(page, nextPageToken=f"{since}|{following}", moreResult=following < len(found))

    async def _put_on_list(self, request: Request) -> Response:
        if request.path_params["list_id"] != LIST:
            return failure("1013", "List not found")
        with self.lock:
            return _success([self._list_one(int(lead["id"])) for lead in (await request.json())["input"]])

    def _list_one(self, lead_id: int) -> dict[str, Any]:
        if lead_id not in self.leads:
            return _reasons("1004", f"Lead '{lead_id}' not found") | {"id": lead_id}
        self.listed.add(lead_id)
        return {"id": lead_id, "status": "added"}

    async def _enrol(self, request: Request) -> Response:
        body = await request.json()
        if request.path_params["program_id"] != PROGRAM:
            return failure("1013", "Program not found")
        if body["statusName"] not in {PROGRAM_STATUS, LEFT_STATUS}:
            return failure("1003", f"Status '{body['statusName']}' not found")
        with self.lock:
            for record in body["input"]:
                self.members[record["leadId"]] = body["statusName"]
        return _success(
            [{"seq": n, "leadId": r["leadId"], "status": "updated"} for n, r in enumerate(body["input"])]
        )

    async def _take_off_list(self, request: Request) -> Response:
        if request.path_params["list_id"] != LIST:
            return failure("1013", "List not found")
        if "id" not in request.query_params:
            return failure("1003", "id is required")
        with self.lock:
            return _success([self._unlist_one(int(lead["id"])) for lead in (await request.json())["input"]])

    def _unlist_one(self, lead_id: int) -> dict[str, Any]:
        if lead_id not in self.listed:
            return _reasons("1004", f"Lead '{lead_id}' not found") | {"id": lead_id}
        self.listed.discard(lead_id)
        return {"id": lead_id, "status": "removed"}

    async def _expel(self, request: Request) -> Response:
        if request.path_params["program_id"] != PROGRAM:
            return failure("1013", "Program not found")
        with self.lock:
            asked = [int(one["leadId"]) for one in (await request.json())["input"]]
            return _success([self._expel_one(n, lead) for n, lead in enumerate(asked)])

    def _expel_one(self, seq: int, lead: int) -> dict[str, Any]:
        if self.members.pop(lead, None) is None:
            return _reasons("1013", "Object not found") | {"seq": seq, "leadId": lead}
        return {"seq": seq, "leadId": lead, "status": "deleted"}


def failure(code: str, message: str) -> Response:
    """A call that failed as Marketo's calls fail: with status 200."""
    errors = [{"code": code, "message": message}]
    return JSONResponse(
        {"requestId": "1#2", "success": False, "errors": errors, "warnings": [], "result": []}
    )


def _success(result: list[dict[str, Any]] | None, **more: object) -> Response:
    found = {} if result is None else {"result": result}
    return JSONResponse({"requestId": "1#2", "success": True, "errors": [], "warnings": [], **found, **more})


def _skipped(code: str, message: str) -> dict[str, Any]:
    return {"status": "skipped", "reason": {"code": code, "message": message}} | _reasons(code, message)


def _reasons(code: str, message: str) -> dict[str, Any]:
    return {"status": "skipped", "reasons": [{"code": code, "message": message}]}


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
