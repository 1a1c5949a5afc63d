"""Consents that Mailchimp tells of: by webhook and by being asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.contract.mailchimp import API_KEY, AUDIENCE
from bench.contract.mailchimp import Mailchimp as MailchimpServer
from bench.contract.server import ContractServer
from kit.clock import ManualClock
from signals.connectors.inbound import (
    ConsentChange,
    ConsentSource,
    InboundConsent,
    InboundInvalid,
    WebhookCall,
    WebhookNews,
)
from signals.connectors.mailchimp import Mailchimp, MailchimpSettings
from signals.connectors.mailchimp.consents import WebhookUnknown
from signals.connectors.waiting import ManualWaiting
from tests.signals.connectors.contract import ONCE
from tests.signals.connectors.dispatches import AT

SECRET = "f" * 40
FORM = {
    "type": "unsubscribe",
    "fired_at": "2026-01-01 11:59:00",
    "data[list_id]": AUDIENCE,
    "data[email]": "Ada.1@example.com",
    "data[reason]": "manual",
}


def _mailchimp(url: str | None = None, *, clock: ManualClock | None = None, **changes: object) -> Mailchimp:
    values = {"api_key": API_KEY, "audience_id": AUDIENCE, "webhook_secret": SECRET, "http": ONCE}
    settings = MailchimpSettings.model_validate({**values, "base_url": url, **changes})
    return Mailchimp(settings, clock=clock or ManualClock(AT), waiting=ManualWaiting())


async def _told(body: bytes, *, given_secret: str = SECRET, **changes: object) -> WebhookNews:
    call = WebhookCall("POST", "https://care.example/hook", {}, body, given_secret)
    return await _mailchimp(**changes).read_call(call)  # type: ignore[arg-type]  # settings, by name


async def _read(form: dict[str, str], **changes: object) -> InboundConsent | None:
    told = await _told(urlencode(form).encode(), **changes)  # type: ignore[arg-type]  # settings, by name
    assert len(told.consents) + told.ignored == 1
    return next(iter(told.consents), None)


@pytest.mark.parametrize(
    ("changes", "change", "reason"),
    [
        ({}, ConsentChange.WITHDRAWN, "manual"),
        ({"data[reason]": "abuse"}, ConsentChange.WITHDRAWN, "abuse"),
        ({"type": "cleaned", "data[reason]": "hard"}, ConsentChange.UNREACHABLE, "hard"),
        ({"type": "cleaned", "data[reason]": "abuse"}, ConsentChange.WITHDRAWN, "abuse"),
    ],
)
async def test_who_leaves_is_told_with_why(
    changes: dict[str, str], change: ConsentChange, reason: str
) -> None:
    found = await _read(FORM | changes)
    assert found is not None
    assert (found.email, found.change, found.reason) == ("Ada.1@example.com", change, reason)
    assert found.at == datetime(2026, 1, 1, 11, 59, tzinfo=UTC)
    assert found == await _read(FORM | changes)


async def test_an_address_that_changes_is_told_with_both() -> None:
    found = await _read(
        FORM | {"type": "upemail", "data[old_email]": "a@example.com", "data[new_email]": "b@example.com"}
    )
    assert found is not None
    assert (found.change, found.email, found.new_email) == (
        ConsentChange.ADDRESS_CHANGED,
        "a@example.com",
        "b@example.com",
    )


@pytest.mark.parametrize("kind", ["subscribe", "profile", "campaign", "new one"])
async def test_other_news_is_none(kind: str) -> None:
    assert await _read(FORM | {"type": kind}) is None


async def test_a_wrong_secret_or_another_audience_is_not_read() -> None:
    with pytest.raises(WebhookUnknown, match="address"):
        await _read(FORM, given_secret="g" * 40)
    with pytest.raises(WebhookUnknown, match="audience"):
        await _read(FORM | {"data[list_id]": "other"})


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"fired_at": "yesterday"}, "fired_at"),
        ({"data[email]": ""}, r"data\[email\]"),
        ({"type": "upemail"}, r"data\[new_email\]"),
    ],
)
async def test_what_cannot_be_read_says_where(changes: dict[str, str], place: str) -> None:
    with pytest.raises(InboundInvalid, match=place):
        await _read(FORM | changes)


async def test_without_a_secret_no_webhook_is_taken() -> None:
    with pytest.raises(WebhookUnknown, match="webhook_secret"):
        await _told(b"", given_secret="", webhook_secret=None)


async def test_trying_the_address_needs_its_secret_only() -> None:
    asked = WebhookCall("GET", "https://care.example/hook", {}, b"", SECRET)
    assert await _mailchimp().read_call(asked) == WebhookNews()
    with pytest.raises(WebhookUnknown, match="address"):
        await _mailchimp().read_call(replace(asked, secret="g" * 40))


async def test_a_subscription_is_consent_where_the_operator_says_so() -> None:
    found = await _read(FORM | {"type": "subscribe"}, subscribing_grants=True)
    assert found is not None
    assert (found.email, found.change) == ("Ada.1@example.com", ConsentChange.GRANTED)


_ONE = _mailchimp()


@given(st.binary(max_size=300))
def test_no_body_breaks_it(body: bytes) -> None:
    with suppress(InboundInvalid, WebhookUnknown):
        asyncio.run(_ONE.read_call(WebhookCall("POST", "https://care.example/hook", {}, body, SECRET)))


@pytest.fixture
def vendor() -> MailchimpServer:
    return MailchimpServer()


@pytest.fixture
def url(vendor: MailchimpServer) -> Iterator[str]:
    with ContractServer(vendor) as server:
        yield server.url


async def test_who_left_is_found_page_by_page_and_not_twice_in_a_run(
    url: str, vendor: MailchimpServer
) -> None:
    clock = ManualClock(AT)
    connector = _mailchimp(url, clock=clock)
    consents: ConsentSource = connector
    for number in range(501):
        vendor.subscribe(f"u{number}@example.com", "unsubscribed", at=AT - timedelta(hours=1))
    vendor.subscribe("bounced@example.com", "cleaned", at=AT - timedelta(hours=1))
    vendor.subscribe("happy@example.com", "subscribed", at=AT - timedelta(hours=1))
    vendor.subscribe("long.ago@example.com", "unsubscribed", at=AT - timedelta(days=30))

    pages = [await consents.poll_consents(None)]
    while pages[-1].more:
        pages.append(await consents.poll_consents(pages[-1].cursor))
    changes = [change for page in pages for change in page.changes]
    assert [len(page.changes) for page in pages] == [500, 500, 251, 1]  # one second fills a page
    assert len({change.external_id for change in changes}) == 502
    assert changes[-1].change is ConsentChange.UNREACHABLE

    clock.advance(timedelta(hours=1))
    vendor.subscribe("late@example.com", "unsubscribed", at=AT + timedelta(minutes=30))
    later = await consents.poll_consents(pages[-1].cursor)
    assert [change.email for change in later.changes] == ["late@example.com"]
    with pytest.raises(InboundInvalid, match="cursor"):
        await consents.poll_consents("nonsense")
    await connector.close()


async def test_nobody_is_skipped_where_members_come_back_between_pages(
    url: str, vendor: MailchimpServer
) -> None:
    connector = _mailchimp(url)
    for number in range(700):
        at = AT - timedelta(hours=1) + timedelta(seconds=number)
        vendor.subscribe(f"u{number}@example.com", "unsubscribed", at=at)
    pages = [await connector.poll_consents(None)]
    for number in range(100):
        vendor.subscribe(f"u{number}@example.com", "subscribed", at=AT + timedelta(seconds=1))
    while pages[-1].more:
        pages.append(await connector.poll_consents(pages[-1].cursor))
    assert len({change.email for page in pages for change in page.changes}) == 700
    await connector.close()
