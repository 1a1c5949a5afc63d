"""Outcomes that come as webhooks: who sent them, when, and what they say."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from bench.contract.webhook import OLD_SECRET, SECRET
from kit.clock import ManualClock
from kit.errors import Misconfigured
from signals.connectors.connector import InboundOutcome, OutcomeKind
from signals.connectors.inbound import InboundInvalid, WebhookSkewed, WebhookUnverified
from signals.connectors.webhook import TOLERANCE, SignatureInvalid, Signer, WebhookInbox
from signals.connectors.webhook.signatures import webhook_id
from tests.signals.connectors.dispatches import AT

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "7",
    "source": "/crm",
    "type": "careloop.signal.outcome",
    "time": "2026-01-01T11:59:00Z",
    "data": {"signal_id": "sig_1", "outcome": "won", "amount": 1200, "currency": "EUR", "who": "sam"},
}


def _signed(body: bytes, *, secret: str = SECRET, at: datetime = AT, id: str = "msg_1") -> dict[str, str]:  # noqa: A002
    """As another system would sign, with the specification's library."""
    return {
        "Webhook-Id": id,
        "Webhook-Timestamp": str(int(at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign(id, at, body.decode()),
    }


@pytest.fixture
def inbox() -> WebhookInbox:
    return WebhookInbox([SECRET, OLD_SECRET], clock=ManualClock(AT))


def _body(**changes: object) -> bytes:
    return json.dumps(EVENT | changes).encode()


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
def test_an_outcome_is_read_under_any_of_the_secrets(inbox: WebhookInbox, secret: str) -> None:
    body = _body()
    outcome = inbox.outcome(_signed(body, secret=secret), body)
    assert (outcome.signal_id, outcome.outcome, outcome.amount) == ("sig_1", OutcomeKind.WON, 1200.0)
    assert (outcome.currency, outcome.who, outcome.external_id) == ("EUR", "sam", "/crm#7")
    assert outcome.at == datetime(2026, 1, 1, 11, 59, tzinfo=UTC)


def test_the_same_event_again_is_the_same_news(inbox: WebhookInbox) -> None:
    body = _body()
    first = inbox.outcome(_signed(body, id="msg_1"), body)
    assert inbox.outcome(_signed(body, id="msg_2"), body) == first


def test_a_time_that_no_calendar_has_is_refused(inbox: WebhookInbox) -> None:
    body = _body()
    for beyond in ("9" * 11, "9" * 12):
        with pytest.raises(WebhookUnverified):
            inbox.outcome(_signed(body) | {"Webhook-Timestamp": beyond}, body)


@pytest.mark.parametrize("shift", [TOLERANCE, -TOLERANCE])
def test_a_clock_may_be_off_by_five_minutes_and_no_more(inbox: WebhookInbox, shift: timedelta) -> None:
    body = _body()
    assert inbox.outcome(_signed(body, at=AT + shift), body).signal_id == "sig_1"
    beyond = AT + shift * 1.01
    with pytest.raises(WebhookSkewed, match="one of the two clocks is wrong"):
        inbox.outcome(_signed(body, at=beyond), body)


@pytest.mark.parametrize(
    "spoil",
    [
        {"Webhook-Id": "msg_other"},
        {"Webhook-Timestamp": str(int(AT.timestamp()) + 1)},
        {"Webhook-Signature": "v1,AAAA"},
        {"Webhook-Signature": "v1a,AAAA nonsense"},
        {"Webhook-Signature": ""},
        {"Webhook-Timestamp": "yesterday"},
        {"Webhook-Timestamp": "9" * 12},
        {"Webhook-Timestamp": "٣"},
        {"Webhook-Id": ""},
    ],
)
def test_what_is_not_signed_is_not_read(inbox: WebhookInbox, spoil: dict[str, str]) -> None:
    body = _body()
    with pytest.raises(WebhookUnverified):
        inbox.outcome(_signed(body) | spoil, body)


def test_a_body_that_was_changed_is_not_read(inbox: WebhookInbox) -> None:
    with pytest.raises(WebhookUnverified):
        inbox.outcome(_signed(_body()), _body(id="8"))
    with pytest.raises(SignatureInvalid, match="UTF-8"):
        inbox.outcome(_signed(_body()), b"\xff\xfe")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"not json", "body"),
        (b"[]", "body"),
        (_body(type="other.event"), "type"),
        (_body(specversion="0.3"), "specversion"),
        (_body(data={"signal_id": "sig_1", "outcome": "perhaps"}), "data.outcome"),
        (_body(data={"outcome": "won"}), "data.signal_id"),
        (_body(data={"signal_id": "sig_1", "outcome": "won", "amount": -1}), "data.amount"),
        (_body(data={"signal_id": "sig_1", "outcome": "won", "currency": "euros"}), "data.currency"),
        (_body(time="2026-01-01T11:59:00"), "time"),
    ],
)
def test_what_cannot_be_read_says_where(inbox: WebhookInbox, body: bytes, place: str) -> None:
    with pytest.raises(InboundInvalid, match=f"{place} is wrong"):
        inbox.outcome(_signed(body), body)


@given(st.binary(max_size=200))
def test_no_body_breaks_it(body: bytes) -> None:
    inbox = WebhookInbox([SECRET], clock=ManualClock(AT))
    try:
        signed = _signed(body)
    except UnicodeDecodeError:
        signed = _signed(b"")
    with suppress(WebhookUnverified, InboundInvalid):
        assert isinstance(inbox.outcome(signed, body), InboundOutcome)


@pytest.mark.parametrize(
    "secrets", [[], ["secret"], ["whsec_"], ["whsec_c2hvcnQ="], ["whsec_not base64!" * 4], [SECRET, "x"]]
)
def test_a_secret_that_is_none_is_refused(secrets: list[str]) -> None:
    with pytest.raises(Misconfigured):
        Signer(secrets)


@given(st.text(min_size=1))
def test_any_key_has_an_id_that_a_header_can_hold(key: str) -> None:
    made = webhook_id(key)
    assert made == webhook_id(key)
    assert made.isascii()
    assert made.isprintable()
    assert "." not in made
