"""Labels as they are kept."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.labels import Labels, Route, of_record, to_record
from kit.ids import MessageId
from tests.triage.triaged import label, triaged
from triage.entities import Entity
from triage.labels import Priority, Signal, Urgency

LABELS = Labels(
    replace(
        triaged(
            signals={Signal.CHURN_RISK: 0.9},
            urgency={Urgency.OUTAGE: 0.7},
            further=(label("contract.cancel", 0.7, text="cancel"),),
            entities=(Entity("money", 3, 8, "12.50", "EUR 12.50"),),
        )
    ),
    Route("billing", Priority.P2, ("churn",), ("triage: queue billing, because billing 0.80",)),
    "20261121-3f9c2a1e77b0",
    (MessageId("msg_1"), MessageId("msg_2")),
)


def test_labels_come_back_as_they_were() -> None:
    assert of_record(to_record(LABELS)) == LABELS


@pytest.mark.parametrize("lacking", ["triage", "route"])
def test_a_record_of_another_version_is_no_reason_to_show_no_message(lacking: str) -> None:
    record = {name: value for name, value in json.loads(to_record(LABELS)).items() if name != lacking}
    assert of_record(json.dumps(record)) is None
