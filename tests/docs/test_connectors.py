"""The guide to connectors is held against their settings and mappings."""

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from standardwebhooks import Webhook

from bench.contract.webhook import SECRET
from kit.clock import ManualClock
from signals.connectors.connector import OutcomeKind
from signals.connectors.json_lines import JsonLinesSettings
from signals.connectors.mailchimp import JourneyStep, MailchimpSequence, MailchimpSettings
from signals.connectors.mapping import shipped_mapping
from signals.connectors.marketo import MarketoFields, MarketoSequence, MarketoSettings
from signals.connectors.registry import KINDS
from signals.connectors.segment import SegmentSettings
from signals.connectors.settings import HttpSettings
from signals.connectors.webhook import WebhookInbox, WebhookSettings

GUIDE = (Path(__file__).parent.parent.parent / "docs/guides/connectors.md").read_text()


@pytest.mark.parametrize(
    "model",
    [
        *(HttpSettings, MarketoSettings, MarketoFields, MailchimpSettings, JourneyStep),
        *(SegmentSettings, WebhookSettings, JsonLinesSettings, MailchimpSequence, MarketoSequence),
    ],
)
def test_every_setting_is_in_the_guide(model: type[BaseModel]) -> None:
    missing = [name for name in model.model_fields if f"`{name}`" not in GUIDE]
    assert missing == []


@pytest.mark.parametrize(
    ("connector", "objects"),
    [("marketo", ["activity"]), ("mailchimp", ["member"])],
)
def test_every_field_to_set_up_is_in_the_guide(connector: str, objects: list[str]) -> None:
    mapping = shipped_mapping(connector, objects=KINDS[connector].objects)
    assert [field for name in objects for field in mapping.fields(name) if f"`{field}`" not in GUIDE] == []


def test_the_custom_fields_of_a_lead_are_in_the_guide() -> None:
    assert [field for field in MarketoFields().model_dump().values() if f"`{field}`" not in GUIDE] == []


def test_the_outcome_in_the_guide_is_read() -> None:
    body = json.dumps(json.loads(re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)[0])).encode()
    clock = ManualClock()
    signature = Webhook(SECRET).sign("msg_1", clock.now(), body.decode())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(clock.now().timestamp())),
        "webhook-signature": signature,
    }
    outcome = WebhookInbox([SECRET], clock=clock).outcome(headers, body)
    assert (outcome.outcome, outcome.amount, outcome.external_id) == (OutcomeKind.WON, 1200.0, "/crm#42")
