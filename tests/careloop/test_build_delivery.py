"""What the targets of the settings ask of a customer's consent."""

from __future__ import annotations

import pytest

from careloop.build_delivery import build_targets
from careloop.settings import ConnectorEntry, Settings
from customers import ConsentChannel, Purpose
from kit.clock import ManualClock
from kit.ids import DEFAULT_WORKSPACE

MAILCHIMP = {"api_key": "secret-us21", "audience_id": "abc123"}
MARKETO = {
    "base_url": "https://123-abc-456.mktorest.com",
    "client_id": "client",
    "client_secret": "secret",
    "activity_type_id": 100001,
}


@pytest.mark.parametrize(
    ("entry", "purpose", "channel"),
    [
        ({"kind": "mailchimp", "settings": MAILCHIMP}, Purpose.MARKETING, ConsentChannel.EMAIL),
        ({"kind": "marketo", "settings": MARKETO}, Purpose.MARKETING, ConsentChannel.EMAIL),
        ({"kind": "hubspot", "settings": {"token": "secret"}}, None, ConsentChannel.ANY),
        (
            {"kind": "mailchimp", "settings": MAILCHIMP, "purpose": "sales", "channel": "any"},
            Purpose.SALES,
            ConsentChannel.ANY,
        ),
        (
            {"kind": "hubspot", "settings": {"token": "secret"}, "channel": "phone"},
            None,
            ConsentChannel.PHONE,
        ),
    ],
)
async def test_a_tool_that_mails_asks_for_marketing_by_email_unless_told_otherwise(
    entry: dict[str, object], purpose: Purpose | None, channel: ConsentChannel
) -> None:
    settings = Settings(connectors={"tool": ConnectorEntry.model_validate(entry)})
    targets = build_targets(settings, ManualClock())
    target = targets.of(DEFAULT_WORKSPACE)["tool"]
    assert (target.purpose, target.channel) == (purpose, channel)
    await targets.close()
