"""A Mailchimp account with one audience: members with a status, tags, events, a journey, batches.

Events and triggers of journeys are taken as often as they are sent, as Mailchimp takes them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.contract.faults import Faults
from bench.contract.vendor import Vendor

API_KEY = "0123456789abcdef0123456789abcdef-us21"
AUDIENCE = "abc123"
JOURNEY, STEP = 11, 22
MERGE_FIELDS = frozenset({"FNAME", "LNAME", "PHONE", "COMPANY", "CLMARK"})
STATUSES = frozenset({"subscribed", "unsubscribed", "cleaned", "pending", "transactional"})
_STARTED = datetime(2026, 1, 1, tzinfo=UTC)


class Mailchimp(Vendor):
    """``members`` by hash, ``events`` by hash in order, ``triggered`` addresses in order."""

    name = "mailchimp"

    def __init__(self, faults: Faults | None = None) -> None:
        super().__init__(faults)
        self.members: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, set[str]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.triggered: list[str] = []
        self.batches: dict[str, dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        """What the account answers."""
        audience = "/3.0/lists/{audience}"
        member = f"{audience}/members/{{member}}"
        return [
            Route("/3.0/ping", self._ping),
            Route(f"{audience}/merge-fields", self._merge_fields),
            Route(f"{audience}/members", self._list),
            Route(member, self._get, methods=["GET"]),
            Route(member, self._put, methods=["PUT"]),
            Route(f"{member}/tags", self._tag, methods=["POST"]),
            Route(f"{member}/events", self._list_events, methods=["GET"]),
            Route(f"{member}/events", self._add_event, methods=["POST"]),
            Route(
                "/3.0/customer-journeys/journeys/{journey:int}/steps/{step:int}/actions/trigger",
                self._trigger,
                methods=["POST"],
            ),
            Route("/3.0/batches", self._start_batch, methods=["POST"]),
            Route("/3.0/batches/{batch}", self._batch),
        ]

    def let_in(self, request: Request) -> bool:
        """Basic authentication with any user and the key."""
        scheme, _, pair = request.headers.get("authorization", "").partition(" ")
        return scheme == "Basic" and base64.b64decode(pair).decode().partition(":")[2] == API_KEY

    def locked_out(self) -> Response:
        """A key that is none."""
        return problem(401, "API Key Invalid", "Your API key may be invalid.")

    def rate_limited(self) -> Response:
        """More than ten at a time."""
        answer = problem(429, "Too Many Requests", "You have exceeded the limit of 10 connections.")
        answer.headers["Retry-After"] = str(self.faults.retry_after)
        return answer

    def subscribe(self, email: str, status: str, *, at: datetime = _STARTED) -> None:
        """What a person does on a form, or by a link in a mail, at ``at``."""
        with self.lock:
            member = self.members.setdefault(subscriber_hash(email), _new(email))
            member |= {"status": status, "last_changed": at.isoformat()}

    async def _ping(self, _: Request) -> Response:
        return JSONResponse({"health_status": "Everything's Chimpy!"})

    async def _merge_fields(self, request: Request) -> Response:
        if request.path_params["audience"] != AUDIENCE:
            return _no_such_list()
        return JSONResponse({"merge_fields": [{"tag": tag} for tag in sorted(MERGE_FIELDS)]})

    async def _list(self, request: Request) -> Response:
        query = request.query_params
        since, before = (
            datetime.fromisoformat(query[name]) for name in ("since_last_changed", "before_last_changed")
        )
        with self.lock:
            found = [
                member
                for member in self.members.values()
                if member["status"] == query["status"]
                and since <= datetime.fromisoformat(member["last_changed"]) < before
            ]
        found.sort(key=lambda member: str(member["last_changed"]))
        first = int(query.get("offset", 0))
        page = found[first : first + int(query.get("count", 10))]
        return JSONResponse({"members": page, "list_id": AUDIENCE, "total_items": len(found)})

    async def _get(self, request: Request) -> Response:
        member = self.members.get(request.path_params["member"])
        if request.path_params["audience"] != AUDIENCE:
            return _no_such_list()
        return _no_such_member() if member is None else JSONResponse(member)

    async def _put(self, request: Request) -> Response:
        if request.path_params["audience"] != AUDIENCE:
            return _no_such_list()
        return self._set(request.path_params["member"], await request.json())

    def _set(self, member_hash: str, body: dict[str, Any]) -> Response:
        email = str(body.get("email_address", ""))
        if "@" not in email:
            return problem(400, "Invalid Resource", "Please provide a valid email address.")
        if subscriber_hash(email) != member_hash:
            return problem(400, "Invalid Resource", "The address is not that of the member.")
        unknown = {body.get("status", "pending"), body.get("status_if_new", "pending")} - STATUSES
        with self.lock:
            member = self.members.get(member_hash)
            if unknown or (member is None and "status_if_new" not in body):
                return problem(400, "Invalid Resource", "status_if_new is wrong or missing.")
            if member is None:
                member = self.members[member_hash] = _new(email) | {"status": body["status_if_new"]}
            elif body.get("status") == "subscribed" and member["status"] == "cleaned":
                return problem(400, "Member In Compliance State", "The address has bounced.")
            member["status"] = body.get("status", member["status"])
            # Merge fields that the audience does not have are passed over, without a word.
            given = body.get("merge_fields", {})
            member["merge_fields"] |= {tag: value for tag, value in given.items() if tag in MERGE_FIELDS}
            return JSONResponse(member)

    async def _tag(self, request: Request) -> Response:
        member = request.path_params["member"]
        if member not in self.members:
            return _no_such_member()
        with self.lock:
            for tag in (await request.json())["tags"]:
                held = self.tags.setdefault(member, set())
                (held.add if tag["status"] == "active" else held.discard)(tag["name"])
        return Response(status_code=204)

    async def _list_events(self, request: Request) -> Response:
        query, member = request.query_params, request.path_params["member"]
        if member not in self.members:
            return _no_such_member()
        first, count = int(query.get("offset", 0)), int(query.get("count", 10))
        with self.lock:
            events = list(reversed(self.events.get(member, [])))
        return JSONResponse({"events": events[first : first + count], "total_items": len(events)})

    async def _add_event(self, request: Request) -> Response:
        member, body = request.path_params["member"], await request.json()
        if member not in self.members:
            return _no_such_member()
        if not 2 <= len(str(body.get("name", ""))) <= 30:
            return problem(400, "Invalid Resource", "name must have 2 to 30 characters.")
        if not all(isinstance(value, str) for value in body.get("properties", {}).values()):
            return problem(400, "Invalid Resource", "properties must be strings.")
        with self.lock:
            self.events.setdefault(member, []).append(body)
        return Response(status_code=204)

    async def _trigger(self, request: Request) -> Response:
        if (request.path_params["journey"], request.path_params["step"]) != (JOURNEY, STEP):
            return problem(404, "Resource Not Found", "The journey or its step does not exist.")
        with self.lock:
            self.triggered.append((await request.json())["email_address"])
        return Response(status_code=204)

    async def _start_batch(self, request: Request) -> Response:
        operations = (await request.json())["operations"]
        answers = []
        for operation in operations:
            body = json.loads(operation["body"])
            answers.append(self._set(operation["path"].rsplit("/", 1)[1], body).status_code)
        with self.lock:
            number = f"batch{len(self.batches) + 1}"
            errored = sum(status >= 400 for status in answers)
            counts = {"total_operations": len(answers), "finished_operations": len(answers)}
            batch = {"id": number, "status": "finished", "errored_operations": errored, **counts}
            self.batches[number] = batch
        return JSONResponse(batch | {"status": "pending", "finished_operations": 0, "errored_operations": 0})

    async def _batch(self, request: Request) -> Response:
        batch = self.batches.get(request.path_params["batch"])
        return problem(404, "Resource Not Found", "no such batch") if batch is None else JSONResponse(batch)


def subscriber_hash(email: str) -> str:
    """Mailchimp's id of a member."""
    return hashlib.md5(email.lower().encode()).hexdigest()


def problem(status: int, title: str, detail: str) -> JSONResponse:
    """An error as Mailchimp words it."""
    body = {"type": "https://mailchimp.com/developer/", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")


def _new(email: str) -> dict[str, Any]:
    return {
        "id": subscriber_hash(email),
        "email_address": email,
        "status": "subscribed",
        "merge_fields": {},
        "last_changed": _STARTED.isoformat(),
        "list_id": AUDIENCE,
    }


def _no_such_member() -> Response:
    return problem(404, "Resource Not Found", "The requested resource could not be found.")


def _no_such_list() -> Response:
    return problem(404, "Resource Not Found", "The requested list could not be found.")
