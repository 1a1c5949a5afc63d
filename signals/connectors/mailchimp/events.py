"""Events of a member: Mailchimp takes one as often as it is sent, so they are looked through before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from signals.connectors.connector import Dispatch
from signals.connectors.http import Call, HttpClient
from signals.connectors.mailchimp.api import member_path
from signals.connectors.signal_document import instant

_PAGE = 1000  # as many as Mailchimp lists at a time
JOURNEY = "careloop_journey"  # our note that a journey's trigger is about to be called, or was not taken


@dataclass(frozen=True, slots=True)
class DispatchEvents:
    """What a member's events say of one dispatch: whether it was told, and of its journey."""

    told: bool = False
    tries: int = 0
    not_taken: int = 0

    @property
    def journey_may_run(self) -> bool:
        """Whether a journey was tried without being turned down: it may have begun."""
        return self.tries > self.not_taken


class MemberEvents:
    """Events of the members of one audience."""

    def __init__(self, http: HttpClient, audience_id: str) -> None:
        self._http = http
        self._audience_id = audience_id

    async def of(self, dispatch: Dispatch, email: str) -> DispatchEvents:
        """Those of ``dispatch``, from all pages."""
        told, tries, not_taken, offset = False, 0, 0, 0
        while True:
            events = await self._page(email, offset)
            for event in events:
                properties = event.get("properties") or {}
                if properties.get("dispatch") != dispatch.key:
                    continue
                if event.get("name") != JOURNEY:
                    told = True
                elif properties.get("state") == "tried":
                    tries += 1
                else:
                    not_taken += 1
            if len(events) < _PAGE:
                return DispatchEvents(told, tries, not_taken)
            offset += len(events)

    def call(self, dispatch: Dispatch, email: str, properties: Mapping[str, Any]) -> Call:
        """The event that tells of ``dispatch``."""
        name = f"careloop_{dispatch.signal.kind.value}"  # 30 characters at most
        return self._call(dispatch, email, name, properties)

    def journey_call(self, dispatch: Dispatch, email: str, state: str) -> Call:
        """The note about the journey of ``dispatch``; ``state`` is ``tried`` or ``not_taken``."""
        return self._call(dispatch, email, JOURNEY, {"state": state})

    def _call(self, dispatch: Dispatch, email: str, name: str, properties: Mapping[str, Any]) -> Call:
        body = {
            "name": name,
            "properties": {
                **{key: str(value) for key, value in properties.items()},
                "dispatch": dispatch.key,
            },
            "occurred_at": instant(dispatch.at),
            "is_syncing": False,
        }
        path = member_path(self._audience_id, email, "events")
        return Call("POST", path, json=body, repeatable=False)

    async def _page(self, email: str, offset: int) -> Sequence[dict[str, Any]]:
        params = {"count": str(_PAGE), "offset": str(offset), "fields": "events.name,events.properties"}
        answer = await self._http.send(Call("GET", member_path(self._audience_id, email, "events"), params))
        return (answer.json() or {}).get("events") or []
