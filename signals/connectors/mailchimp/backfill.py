"""Many members at once, by Mailchimp's batch operations: for the first filling of an audience."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from kit.clock import Clock
from signals.connectors.connector import DeliveryFailed, DeliveryRefused, Dispatch
from signals.connectors.http import Call, HttpClient
from signals.connectors.mailchimp.api import member_path
from signals.connectors.mailchimp.members import member_body
from signals.connectors.mailchimp.settings import MailchimpSettings
from signals.connectors.mapping import FieldMapping

MOST_OPERATIONS = 1000  # a batch; Mailchimp takes more, but one that fails is looked through by a person


@dataclass(frozen=True, slots=True)
class BatchReport:
    """How far Mailchimp is with a batch, in operations; ``results_url`` has each one's answer for a while."""

    id: str
    finished: bool
    total: int
    done: int
    errored: int
    results_url: str | None = None


class MailchimpBackfill:
    """Writes members, and neither events nor journeys: what is long past starts nothing.

    Like a delivery it names no status of a member who is there, so nobody is subscribed again. Starting the
    same batch twice writes the same twice, which changes nothing. Fields that a mapping sends once are left
    out, for who is new is not known.
    """

    def __init__(
        self, http: HttpClient, settings: MailchimpSettings, *, mapping: FieldMapping, clock: Clock
    ) -> None:
        self._http = http
        self._settings = settings
        self._mapping = mapping
        self._clock = clock

    async def start(self, dispatches: Sequence[Dispatch]) -> BatchReport:
        """Hand over up to ``MOST_OPERATIONS``; those without an address are left out.

        Raises ``DeliveryRefused`` where none is left or there are too many, else as the port says.
        """
        operations = [self._operation(dispatch) for dispatch in dispatches if dispatch.contact.email]
        if not 0 < len(operations) <= MOST_OPERATIONS:
            raise DeliveryRefused(f"mailchimp: a batch has 1 to {MOST_OPERATIONS} members with an address")
        answer = await self._http.send(Call("POST", "/batches", json={"operations": operations}))
        return _report(answer.json())

    async def report(self, batch_id: str) -> BatchReport:
        """How far it is. Raises as the port says."""
        return _report((await self._http.send(Call("GET", f"/batches/{batch_id}"))).json())

    def _operation(self, dispatch: Dispatch) -> dict[str, str]:
        email = (dispatch.contact.email or "").strip()
        body = member_body(dispatch, email, self._settings, self._mapping, self._clock, new=False)
        return {
            "method": "PUT",
            "path": member_path(self._settings.audience_id, email),
            "operation_id": dispatch.key,
            "body": json.dumps(body),
        }


def _report(batch: object) -> BatchReport:
    if not isinstance(batch, dict) or "id" not in batch:
        raise DeliveryFailed("mailchimp: the answer is no batch")
    return BatchReport(
        id=str(batch["id"]),
        finished=batch.get("status") == "finished",
        total=int(batch.get("total_operations") or 0),
        done=int(batch.get("finished_operations") or 0),
        errored=int(batch.get("errored_operations") or 0),
        results_url=batch.get("response_body_url") or None,
    )
