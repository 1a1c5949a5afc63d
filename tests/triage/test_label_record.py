"""What the database keeps of labels and routing."""

import json
from datetime import UTC, datetime

from tests.triage.triaged import triaged
from triage.label_record import ROUTING, label_record, with_routing
from triage.labels import Priority, Signal
from triage.routing import Router
from triage.rules import parse_routing

ROUTER = Router.of(
    parse_routing(
        {
            "calendars": {"always": {"timezone": "Europe/Berlin", "hours": "always"}},
            "sla": {
                "calendar": "always",
                "targets": {name: {"first_response": "15m", "resolution": "4h"} for name in Priority},
            },
            "rules": [
                {
                    "name": "leaving",
                    "when": {"signal": "churn_risk", "at_least": 0.7},
                    "then": {"queue": "retention", "priority": "P1", "tags": ["churn"]},
                }
            ],
        },
        source="test",
    )
)
SAID = triaged(signals={Signal.CHURN_RISK: 0.9})
AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_record_is_json_without_a_word_of_the_message() -> None:
    record = with_routing(label_record(SAID), ROUTER.route(SAID, at=AT))
    assert json.loads(json.dumps(record)) == record
    assert "<churn_risk>" not in str(record)
    assert record["signals"][0]["evidence"] == [{"start": 0, "end": 12, "weight": 1.0}]


def test_the_rules_stand_beside_what_the_models_said() -> None:
    plain = label_record(SAID)
    routed = with_routing(plain, ROUTER.route(SAID, at=AT))
    assert {name: value for name, value in routed.items() if name != ROUTING} == plain
    assert routed["queue"]["name"] == "billing"
    routing = routed[ROUTING]
    assert (routing["queue"], routing["queue_rule"], routing["tags"]) == ("retention", "leaving", ["churn"])
    assert routing["first_response_due"] == "2026-01-01T00:15:00+00:00"
    (step,) = [step for step in routing["why"] if step["rule"] == "leaving"]
    assert step["because"][0]["evidence"] == [{"start": 0, "end": 12, "weight": 1.0}]
    assert with_routing(plain, None) == plain
