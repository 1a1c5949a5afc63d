"""Several requests to Salesforce in one: all done or none, each with its own answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from signals.connectors.answer import CredentialsRefused, Json, Standing
from signals.connectors.connector import DeliveryFailed, DeliveryRefused
from signals.connectors.http import Call, HttpClient
from signals.connectors.salesforce.judge import Complaint, complaints, decisive, standing


@dataclass(frozen=True, slots=True)
class Part:
    """A request of a composite one; ``name`` is what later parts refer to, as ``@{name.id}``."""

    name: str
    method: str
    url: str
    body: Mapping[str, Any] | None = None

    def json(self) -> dict[str, Any]:
        """As it is sent."""
        said: dict[str, Any] = {"method": self.method, "url": self.url, "referenceId": self.name}
        return said if self.body is None else {**said, "body": dict(self.body)}


class PartFailed(Exception):
    """A part that Salesforce complained of, before anybody has decided what that means."""

    def __init__(self, name: str, complaint: Complaint) -> None:
        super().__init__(name)
        self.name = name
        self.complaint = complaint


class Composite:
    """The composite resource of one org (REST API guide): 25 parts at most, 5 of them queries."""

    def __init__(self, client: HttpClient, api_version: str, external_id_field: str) -> None:
        self._client = client
        self._root = f"/services/data/{api_version}"
        self._field = external_id_field

    def query(self, name: str, soql: str) -> Part:
        """A part that asks ``soql``."""
        return Part(name, "GET", f"{self._root}/query/?{urlencode({'q': soql})}")

    def upsert(self, name: str, kind: str, *, external_id: str, fields: Mapping[str, Any]) -> Part:
        """A part that creates or updates the record of our own id."""
        return Part(
            name, "PATCH", f"{self._root}/sobjects/{kind}/{self._field}/{quote(external_id, safe='')}", fields
        )

    def update(self, name: str, kind: str, *, record: str, fields: Mapping[str, Any]) -> Part:
        """A part that updates the record of Salesforce's id."""
        return Part(name, "PATCH", f"{self._root}/sobjects/{kind}/{record}", fields)

    def call(self, parts: Sequence[Part]) -> Call:
        """The request; a write is not sent again unseen, for what only a new record takes is then refused."""
        repeatable = all(part.method == "GET" for part in parts)
        body = {"allOrNone": True, "compositeRequest": [part.json() for part in parts]}
        return Call("POST", f"{self._root}/composite", json=body, repeatable=repeatable)

    async def send(self, parts: Sequence[Part]) -> dict[str, Json]:
        """What each part was answered, by name. Raises ``PartFailed`` for the part that made all fail."""
        said = (await self._client.send(self.call(parts))).json()
        try:
            answers = {str(one["referenceId"]): one for one in said["compositeResponse"]}
            found = [
                (name, complaint)
                for name, one in answers.items()
                if one["httpStatusCode"] >= 300
                for complaint in complaints(one["body"]) or [Complaint(f"status {one['httpStatusCode']}", "")]
            ]
            worst = decisive([complaint for _, complaint in found])
            if worst is not None:
                raise PartFailed(next(name for name, complaint in found if complaint is worst), worst)
            return {part.name: answers[part.name]["body"] for part in parts}
        except (KeyError, TypeError):
            raise DeliveryFailed("Salesforce's composite answer is not what it should be.") from None

    def verdict(self, failed: PartFailed) -> DeliveryFailed | DeliveryRefused:
        """The error that ``failed`` is to a queue."""
        said = f"Salesforce: {failed.name}: {self._client.without_secrets(str(failed.complaint))}"
        match standing(failed.complaint, self._field):
            case Standing.LATER:
                return DeliveryFailed(said)
            case Standing.LOCKED_OUT:
                return CredentialsRefused(said)
            case _:
                return DeliveryRefused(said)
