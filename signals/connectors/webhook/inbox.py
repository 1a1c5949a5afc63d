"""Outcomes that others send us as CloudEvents, under the same signatures as our own webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from kit.clock import Clock
from kit.ids import SignalId
from signals.connectors.connector import InboundOutcome, OutcomeKind
from signals.connectors.inbound import InboundInvalid
from signals.connectors.webhook.signatures import Signer

OUTCOME_TYPE = "careloop.signal.outcome"
# Without control characters: PostgreSQL keeps no NUL, and nobody means one.
_Short = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid")

    signal_id: _Short
    outcome: OutcomeKind
    amount: float | None = Field(None, ge=0, allow_inf_nan=False)
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    reason: str | None = Field(None, max_length=2000)
    who: _Short | None = None


class _Event(BaseModel):
    specversion: Literal["1.0"]
    id: _Short
    source: _Short
    type: Literal["careloop.signal.outcome"]
    time: AwareDatetime | None = None
    data: _Data


class WebhookInbox:
    """Reads what one sender posts. ``secrets`` are ``whsec_…``; any of them may have signed."""

    def __init__(self, secrets: Sequence[str], *, clock: Clock) -> None:
        self._signer = Signer(secrets)
        self._clock = clock

    def outcome(self, headers: Mapping[str, str], body: bytes) -> InboundOutcome:
        """The outcome that ``body`` tells, where its signature is right.

        ``external_id`` is the event's source and id: the same news twice has the same one. Raises
        ``WebhookUnverified`` for what is forged or replayed late, ``InboundInvalid`` for what cannot be read.
        """
        now = self._clock.now()
        self._signer.verify(headers, body, now=now)
        try:
            event = _Event.model_validate_json(body)
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"])) or "body"
            raise InboundInvalid(f"The outcome cannot be read: {place} is wrong or missing.") from None
        return _outcome(event, now)


def _outcome(event: _Event, now: datetime) -> InboundOutcome:
    data = event.data
    return InboundOutcome(
        signal_id=SignalId(data.signal_id),
        outcome=data.outcome,
        external_id=f"{event.source}#{event.id}",
        at=event.time or now,
        amount=data.amount,
        currency=data.currency,
        reason=data.reason,
        who=data.who,
    )
