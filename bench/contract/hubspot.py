"""A server that behaves like HubSpot: CRM objects with unique properties, batches, search, lists."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.contract.faults import Faults
from bench.contract.vendor import Vendor

PROPERTIES = {
    "contacts": ("email", "firstname", "lastname", "phone", "company", "careloop_id"),
    "deals": (
        *("dealname", "pipeline", "dealstage", "closedate", "hs_next_step", "amount", "closed_lost_reason"),
        *("deal_currency_code", "hubspot_owner_id", "careloop_id", "careloop_outcome"),
    ),
    "tasks": (
        *("hs_task_subject", "hs_task_body", "hs_timestamp", "hs_task_status", "hs_task_priority"),
        *("hubspot_owner_id", "careloop_id", "careloop_revision", "careloop_outcome"),
    ),
    "notes": (
        *("hs_note_body", "hs_timestamp", "hubspot_owner_id"),
        *("careloop_id", "careloop_revision", "careloop_outcome"),
    ),
}
READ_ONLY = ("hs_lastmodifieddate", "hs_is_closed", "hs_is_closed_won")
UNIQUE = ("careloop_id", "email")
REQUIRED = {"tasks": ("hs_timestamp",), "notes": ("hs_timestamp",), "deals": ("dealname",), "contacts": ()}
_OBJECTS = "/crm/v3/objects/{kind}"


class Complained(Exception):
    """An error as HubSpot writes it."""

    def __init__(self, status: int, category: str, message: str, **more: object) -> None:
        super().__init__(category)
        self.status = status
        self.body = {
            "status": "error",
            "message": message,
            "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf",
            "category": category,
            **more,
        }


@dataclass
class Item:
    """A record; ``links`` are the ids it is associated with, by association type."""

    id: str
    properties: dict[str, str | None]
    changed: datetime
    links: dict[int, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        at = self.changed.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        properties = {**self.properties, "hs_lastmodifieddate": at, "hs_object_id": self.id}
        return {"id": self.id, "properties": properties, "createdAt": at, "updatedAt": at, "archived": False}


class HubSpotVendor(Vendor):
    """Lets in whoever shows ``token``, which never ends. With ``multi_status``
    a batch of one that fails is answered 207 with its errors, as one of many is."""

    name = "hubspot"

    def __init__(self, *, token: str = "pat-eu1-secret", faults: Faults | None = None) -> None:
        self.items: dict[str, dict[str, Item]] = {kind: {} for kind in PROPERTIES}
        self.members: dict[str, set[str]] = {}
        self.removed: set[str] = set()
        self.multi_status = False
        self.now = datetime(2026, 1, 1, 9, tzinfo=UTC)
        self._unique: dict[tuple[str, str, str], str] = {}
        self._count = 0
        super().__init__(faults)
        self.tokens.add(token)

    def expire(self, request: Request) -> None:
        """A private app's token does not end."""

    def routes(self) -> list[Route]:
        return [
            Route(f"{_OBJECTS}/batch/read", self._batch_read, methods=["POST"]),
            Route(f"{_OBJECTS}/batch/upsert", self._batch_upsert, methods=["POST"]),
            Route(f"{_OBJECTS}/search", self._search, methods=["POST"]),
            Route(f"{_OBJECTS}/{{record}}", self._one, methods=["GET", "PATCH"]),
            Route(_OBJECTS, self._create, methods=["POST"]),
            Route("/crm/v3/properties/{kind}", self._properties, methods=["GET"]),
            Route("/crm/v3/lists/{id}/memberships/add", self._join, methods=["PUT"]),
            Route("/crm/v3/lists/{id}/memberships/remove", self._quit, methods=["PUT"]),
        ]

    def rate_limited(self) -> Response:
        said = Complained(429, "RATE_LIMITS", "You have reached your secondly limit.", policyName="SECONDLY")
        return JSONResponse(said.body, 429, {"Retry-After": str(self.faults.retry_after)})

    def server_error(self) -> Response:
        return JSONResponse(Complained(503, "INTERNAL_ERROR", "internal error").body, 503)

    def locked_out(self) -> Response:
        return JSONResponse(Complained(401, "INVALID_AUTHENTICATION", "Authentication failed").body, 401)

    def change(self, kind: str, record: str, **properties: str) -> None:
        """What a person does in HubSpot."""
        with self.lock:
            self._put(kind, self.items[kind][record], properties)

    def add(self, kind: str, **properties: str) -> Item:
        """A record that a person made in HubSpot."""
        with self.lock:
            return self._new(kind, properties)

    def _new(self, kind: str, properties: Mapping[str, str], links: Mapping[int, str] | None = None) -> Item:
        lacking = [name for name in REQUIRED[kind] if not properties.get(name)]
        if lacking:
            raise Complained(400, "VALIDATION_ERROR", "required properties", context={"properties": lacking})
        self._count += 1
        item = Item(str(1000 + self._count), {}, self.now, dict(links or {}))
        self._put(kind, item, properties)
        self.items[kind][item.id] = item
        return item

    def _put(self, kind: str, item: Item, properties: Mapping[str, Any]) -> None:
        self._check(kind, item, properties)
        for name in UNIQUE:
            if properties.get(name):
                self._unique[kind, name, properties[name]] = item.id
        item.properties |= properties
        self.now += timedelta(seconds=1)
        item.changed = self.now
        if kind == "deals":
            stage = item.properties.get("dealstage")
            item.properties["hs_is_closed"] = str(stage in {"closedwon", "closedlost"}).lower()
            item.properties["hs_is_closed_won"] = str(stage == "closedwon").lower()

    def _check(self, kind: str, item: Item, properties: Mapping[str, Any]) -> None:
        known = {*PROPERTIES[kind]} - self.removed
        wrong = [name for name in properties if name not in known]
        if wrong:
            listed = [
                {
                    "isValid": False,
                    "message": f'Property "{name}" does not exist',
                    "error": "PROPERTY_DOESNT_EXIST",
                    "name": name,
                    "localizedErrorMessage": f'Property "{name}" does not exist',
                    "portalId": 1,
                }
                for name in wrong
            ]
            message = f"Property values were not valid: {json.dumps(listed)}"
            raise Complained(400, "VALIDATION_ERROR", message)
        if any(not isinstance(value, str) for value in properties.values()):
            raise Complained(400, "VALIDATION_ERROR", "Invalid input JSON: properties are texts")
        for name in UNIQUE:
            held = self._unique.get((kind, name, properties.get(name, "")))
            if held and held != item.id:
                message = (
                    f"Contact already exists. Existing ID: {held}" if kind == "contacts" else "not unique"
                )
                raise Complained(409, "CONFLICT", message)

    def _check_links(self, records: Collection[str]) -> None:
        if not all(any(record in items for items in self.items.values()) for record in records):
            raise Complained(400, "VALIDATION_ERROR", "One or more associations are not valid")

    def _find(self, kind: str, value: str, by: str | None) -> Item | None:
        record = value if by is None else self._unique.get((kind, by, value))
        return self.items[kind].get(record or "")

    async def _create(self, request: Request) -> Response:
        said = await request.json()
        kind = request.path_params["kind"]
        links = {
            spec["associationTypeId"]: one["to"]["id"]
            for one in said.get("associations", [])
            for spec in one["types"]
        }
        with self.lock:
            try:
                self._check_links(links.values())
                item = self._new(kind, said["properties"], links)
            except Complained as complained:
                return JSONResponse(complained.body, complained.status)
        return JSONResponse(item.json(), 201)

    async def _one(self, request: Request) -> Response:
        body = await request.body()
        kind, by = request.path_params["kind"], request.query_params.get("idProperty")
        with self.lock:
            item = self._find(kind, request.path_params["record"], by)
            if item is None:
                return JSONResponse(Complained(404, "OBJECT_NOT_FOUND", "resource not found").body, 404)
            try:
                if request.method == "PATCH":
                    self._put(kind, item, json.loads(body)["properties"])
            except Complained as complained:
                return JSONResponse(complained.body, complained.status)
            return JSONResponse(item.json())

    async def _batch_read(self, request: Request) -> Response:
        said = await request.json()
        kind = request.path_params["kind"]
        results, missing = [], []
        with self.lock:
            for one in said["inputs"]:
                item = self._find(kind, one["id"], said.get("idProperty"))
                if item is None:
                    missing.append(one["id"])
                else:
                    results.append(item.json())
        if not missing:
            return _batch(results, [])
        error = Complained(404, "OBJECT_NOT_FOUND", "Could not get some objects", context={"ids": missing})
        return _batch(results, [error.body])

    async def _batch_upsert(self, request: Request) -> Response:
        said = await request.json()
        kind = request.path_params["kind"]
        results, errors = [], []
        with self.lock:
            for one in said["inputs"]:
                item = self._find(kind, one["id"], one["idProperty"])
                properties = {**one["properties"], one["idProperty"]: one["id"]}
                try:
                    if item is None:
                        results.append({**self._new(kind, properties).json(), "new": True})
                    else:
                        self._put(kind, item, properties)
                        results.append({**item.json(), "new": False})
                except Complained as complained:
                    errors.append({**complained.body, "context": {"ids": [one["id"]]}})
        if errors and len(said["inputs"]) == 1 and not self.multi_status:
            return JSONResponse(errors[0], 409 if errors[0]["category"] == "CONFLICT" else 400)
        return _batch(results, errors)

    async def _search(self, request: Request) -> Response:
        said = await request.json()
        with self.lock:
            items = [
                item for item in self.items[request.path_params["kind"]].values() if _matches(item, said)
            ]
        items.sort(key=lambda item: item.changed)
        for asked in said.get("sorts") or []:
            # A name alone, as the models of the official client have it, is ascending.
            order = asked if isinstance(asked, dict) else {"propertyName": asked, "direction": "ASCENDING"}
            by_id, reverse = order["propertyName"] == "hs_object_id", order["direction"] == "DESCENDING"
            items.sort(key=lambda item: int(item.id) if by_id else item.changed.timestamp(), reverse=reverse)
        begin, limit = int(said.get("after") or 0), min(int(said.get("limit") or 10), 200)
        if begin + limit > 10_000:
            return JSONResponse(Complained(400, "VALIDATION_ERROR", "paging too deep").body, 400)
        body: dict[str, Any] = {
            "total": len(items),
            "results": [item.json() for item in items[begin : begin + limit]],
        }
        if begin + limit < len(items):
            body["paging"] = {"next": {"after": str(begin + limit)}}
        return JSONResponse(body)

    async def _properties(self, request: Request) -> Response:
        names = [*PROPERTIES[request.path_params["kind"]], *READ_ONLY]
        results = [
            {
                "name": name,
                "label": name,
                "description": "",
                "groupName": "careloop",
                "options": [],
                "type": "string",
                "fieldType": "text",
                "hasUniqueValue": name in UNIQUE,
                "modificationMetadata": {
                    "archivable": True,
                    "readOnlyDefinition": False,
                    "readOnlyValue": name in READ_ONLY,
                },
            }
            for name in names
            if name not in self.removed
        ]
        return JSONResponse({"results": results})

    async def _join(self, request: Request) -> Response:
        records = await request.json()
        with self.lock:
            members = self.members.setdefault(request.path_params["id"], set())
            there = [one for one in records if one in self.items["contacts"]]
            added = [one for one in there if one not in members]
            members.update(there)
        missing = [one for one in records if one not in there]
        return JSONResponse({"recordsIdsAdded": added, "recordIdsMissing": missing, "recordIdsRemoved": []})

    async def _quit(self, request: Request) -> Response:
        records = await request.json()
        with self.lock:
            members = self.members.setdefault(request.path_params["id"], set())
            removed = [one for one in records if one in members]
            members.difference_update(removed)
        return JSONResponse({"recordsIdsAdded": [], "recordIdsMissing": [], "recordIdsRemoved": removed})


def _batch(results: list[dict[str, Any]], errors: list[dict[str, Any]]) -> Response:
    at = "2026-01-01T09:00:00.000Z"
    body: dict[str, Any] = {"status": "COMPLETE", "startedAt": at, "completedAt": at, "results": results}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return JSONResponse(body, 207 if errors else 200)


def _matches(item: Item, said: Mapping[str, Any]) -> bool:
    groups = said.get("filterGroups") or [{"filters": []}]
    return any(all(_holds(item, one) for one in group["filters"]) for group in groups)


def _holds(item: Item, condition: Mapping[str, str]) -> bool:
    name = condition["propertyName"]
    value = item.json()["properties"].get(name)
    match condition["operator"]:
        case "HAS_PROPERTY":
            return bool(value)
        case "EQ":
            return bool(value == condition["value"])
        case "GTE":
            return item.changed.timestamp() * 1000 >= int(condition["value"])
        case "LTE":
            return item.changed.timestamp() * 1000 <= int(condition["value"])
        case "GT":
            return int(value) > int(condition["value"])
    raise ValueError(condition["operator"])
