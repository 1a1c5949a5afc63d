"""HubSpot's CRM objects, read, made and changed by an id of our own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from signals.connectors.answer import Json, Standing
from signals.connectors.connector import DeliveryFailed, DeliveryRefused
from signals.connectors.http import Call, HttpClient
from signals.connectors.hubspot.judge import reason, standing

# "Association type IDs" of the associations guide, all of category HUBSPOT_DEFINED.
ASSOCIATION = {
    ("deals", "contacts"): 3,
    ("tasks", "contacts"): 204,
    ("tasks", "deals"): 216,
    ("notes", "contacts"): 202,
    ("notes", "deals"): 214,
}


class Taken(Exception):
    """A record of that unique value is there; ``error`` is HubSpot's own."""

    def __init__(self, error: Json) -> None:
        super().__init__()
        self.error = error


@dataclass(frozen=True, slots=True)
class Held:
    """A record of HubSpot's."""

    id: str
    properties: Mapping[str, str | None] = field(default_factory=dict)


def written(properties: Mapping[str, Any]) -> dict[str, str]:
    """``properties`` as HubSpot takes them: everything is text."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in properties.items()
    }


def create(kind: str, properties: Mapping[str, Any], links: Mapping[str, str]) -> Call:
    """Make a record, linked to others (id by kind) at once. Not to be repeated unseen: see ``Taken``."""
    associations = [
        {
            "to": {"id": record},
            "types": [
                {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": ASSOCIATION[kind, other]}
            ],
        }
        for other, record in links.items()
    ]
    body = {"properties": written(properties), "associations": associations}
    return Call("POST", f"/crm/v3/objects/{kind}", json=body, repeatable=False)


def update(kind: str, record: str, properties: Mapping[str, Any]) -> Call:
    """Change the record of HubSpot's id."""
    path = f"/crm/v3/objects/{kind}/{quote(record, safe='')}"
    return Call("PATCH", path, json={"properties": written(properties)})


def upsert(kind: str, id_property: str, values: Iterable[tuple[str, Mapping[str, Any]]]) -> Call:
    """Make or change records by our ids, up to 100."""
    inputs = [
        {"idProperty": id_property, "id": ours, "properties": written({**properties, id_property: ours})}
        for ours, properties in values
    ]
    return Call("POST", f"/crm/v3/objects/{kind}/batch/upsert", json={"inputs": inputs})


class HubSpotObjects:
    """Sends those calls and reads the answers."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def find(
        self, kind: str, ids: Sequence[str], properties: Sequence[str], *, by: str | None = None
    ) -> list[Held]:
        """Those records that exist, by property ``by`` or by HubSpot's id.

        Reads the records themselves: a search would ask an index, which lags behind.
        """
        if not ids:
            return []
        body: dict[str, Any] = {
            "inputs": [{"id": one} for one in ids],
            "properties": list(properties),
            "propertiesWithHistory": [],
        }
        if by is not None:
            body["idProperty"] = by
        call = Call("POST", f"/crm/v3/objects/{kind}/batch/read", json=body)
        answer = await self._client.send(call, accept={HTTPStatus.NOT_FOUND})
        if answer.status == HTTPStatus.NOT_FOUND:
            return []
        return self._results(answer.json(), but=frozenset({"OBJECT_NOT_FOUND"}))

    async def send(self, call: Call) -> Held:
        """The record that ``call`` made or changed. Raises ``Taken`` where another has its unique value."""
        answer = await self._client.send(call, accept={HTTPStatus.CONFLICT, HTTPStatus.BAD_REQUEST})
        said = answer.json()
        if answer.status == HTTPStatus.CONFLICT or "CONFLICTING_UNIQUE_VALUE" in str(said):
            raise Taken(said)
        if answer.status == HTTPStatus.BAD_REQUEST:
            raise DeliveryRefused(f"HubSpot: {self._client.without_secrets(reason(said))}")
        if call.path.endswith("/batch/upsert"):
            (held,) = self._results(said)
            return held
        return _held(said)

    def _results(self, said: Json, *, but: frozenset[str] = frozenset()) -> list[Held]:
        """The good results; an error that ``but`` does not name is raised."""
        for error in said.get("errors") or []:
            if error.get("category") in but:
                continue
            if error.get("category") == "CONFLICT":
                raise Taken(error)
            why = self._client.without_secrets(reason(error))
            raise (DeliveryFailed if standing(error) is Standing.LATER else DeliveryRefused)(
                f"HubSpot: {why}"
            )
        return [_held(one) for one in said["results"]]


def _held(said: Json) -> Held:
    try:
        return Held(str(said["id"]), dict(said.get("properties") or {}))
    except (KeyError, TypeError):
        raise DeliveryFailed("HubSpot's answer is no record.") from None
