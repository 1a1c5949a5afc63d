"""Segment-compatible targets: each dispatch is one batch of identify, track and, for a company, group.

A batch is taken as a whole, and a message that comes again is known by its ``messageId`` (Segment looks back
24 hours at least, RudderStack as it is configured), so a call may be repeated. Where a platform keeps no such
memory, its destinations see a repeated track with the same ``messageId``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import httpx

from kit.clock import Clock
from signals.connectors.answer import Answer, Standing, Verdict, by_status
from signals.connectors.backfill import Backfilled
from signals.connectors.connector import (
    DeliveryFailed,
    DeliveryRefused,
    Dispatch,
    Health,
    OutcomePage,
    PreparedRequest,
    Receipt,
)
from signals.connectors.http import Call, HttpClient, prepared
from signals.connectors.mapping import FieldMapping, shipped_mapping
from signals.connectors.segment.messages import Message, batches, encoded, messages
from signals.connectors.segment.settings import SegmentSettings
from signals.connectors.signal_document import instant
from signals.connectors.tokens import FixedToken, basic
from signals.connectors.waiting import Waiting

OBJECTS = ("identify", "track", "group")
_BATCH = "/v1/batch"


def judge(answer: Answer) -> Verdict:
    """By status; an answer of 200 may say ``success: false`` nevertheless."""
    body = answer.json_or_none()
    if 200 <= answer.status < 300 and isinstance(body, dict) and body.get("success") is False:
        return Verdict(Standing.REFUSED, str(body.get("message") or "not a success"))
    return by_status(answer)


class Segment:
    """Calls of one source."""

    name = "segment"

    def __init__(
        self,
        settings: SegmentSettings,
        *,
        clock: Clock,
        waiting: Waiting,
        mapping: FieldMapping | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._mapping = mapping or shipped_mapping("segment", objects=OBJECTS)
        self._clock = clock
        self._http = HttpClient(
            self.name,
            settings.base_url,
            settings=settings.http,
            clock=clock,
            waiting=waiting,
            tokens=FixedToken(basic(settings.write_key.get_secret_value(), "")),
            judge=judge,
            transport=transport,
        )

    async def deliver(self, dispatch: Dispatch) -> Receipt:
        """Send the dispatch's messages. Raises as the port says."""
        told = messages(dispatch, self._settings, self._mapping)
        await self._http.send(self._call(told))
        return Receipt({message["type"]: message["messageId"] for message in told})

    async def deliver_many(self, dispatches: Sequence[Dispatch]) -> int:
        """Send those of ``dispatches`` in as few calls as Segment's limits allow: for backfills.

        Returns the number of messages. Raises as the port says; what was sent before stays, and may be sent
        again.
        """
        told = chain.from_iterable(messages(one, self._settings, self._mapping) for one in dispatches)
        sent = 0
        for batch in batches(told):
            await self._http.send(self._call(batch))
            sent += len(batch)
        return sent

    async def backfill(self, dispatches: Sequence[Dispatch]) -> Backfilled:
        """See ``deliver_many``: Segment takes all that is well formed, and knows what came before."""
        await self.deliver_many(dispatches)
        return Backfilled(len(dispatches))

    def preview(self, dispatch: Dispatch) -> Sequence[PreparedRequest]:
        """The batch."""
        body = {"batch": messages(dispatch, self._settings, self._mapping)}
        return prepared(self._settings.base_url, [Call("POST", _BATCH, json=body)])

    async def health(self) -> Health:
        """Sends a batch without messages, which nothing comes of; 400 says so, 401 that the key is wrong."""
        try:
            await self._http.send(self._call([]), accept={400})
        except (DeliveryFailed, DeliveryRefused) as error:
            return Health(ok=False, detail=error.detail)
        return Health(ok=True, detail="The source answers and does not refuse the write key.")

    async def poll(self, cursor: str | None) -> OutcomePage:
        """Nothing: a source takes and does not tell; outcomes come as webhooks from a destination."""
        return OutcomePage((), cursor)

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()

    def _call(self, batch: Sequence[Message]) -> Call:
        # sentAt is the moment of the call: the platform corrects the clock of ``timestamp`` by it.
        return Call("POST", _BATCH, content=encoded({"batch": batch, "sentAt": instant(self._clock.now())}))
