from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from signals.connectors.connector import DeliveryRefused
from signals.connectors.mapping import load_mapping, read_mapping
from signals.connectors.yaml_place import MappingInvalid
from tests.signals.connectors.dispatches import dispatch, without_email

OBJECTS = ("contact", "task")
WHOLE = """
contact:
  Email: contact.email
  Plan: attributes.plan
  LastName: {from: [crm_ids.nickname, contact.last_name], default: Unknown}
  LeadSource: {constant: Careloop}
task:
  Subject: {from: signal.kind, format: title}
  Type: {from: signal.kind, values: {churn_risk: At risk}}
  Due: {from: signal.expires_at, format: date}
  At: dispatch.at
  Sure: {from: signal.probability, format: percent}
  Words: {from: signal.evidence, format: quotes, longest: 40}
  Missing: attributes.nothing
"""


def test_fields_hold_what_their_rules_say() -> None:
    mapping = read_mapping(WHOLE, source="own.yaml", objects=OBJECTS)
    assert mapping.render("contact", dispatch()) == {
        "Email": "ada.1@example.com",
        "Plan": "Fibre 250",
        "LastName": "Byron",
        "LeadSource": "Careloop",
    }
    assert mapping.render("task", dispatch()) == {
        "Subject": "Churn risk",
        "Type": "At risk",
        "Due": "2026-01-15",
        "At": "2026-01-01T12:01:00Z",
        "Sure": 87,
        "Words": "“I will leave for a competitor”\n“the pr…",
    }
    assert "Missing" in mapping.fields("task")
    assert mapping.render("deal", dispatch()) == {}


def test_what_is_not_known_is_left_out() -> None:
    mapping = read_mapping(WHOLE, source="own.yaml", objects=OBJECTS)
    assert "Email" not in mapping.render("contact", without_email(dispatch()))


@dataclass(frozen=True)
class Case:
    text: str
    says: str


@pytest.mark.parametrize(
    "case",
    [
        Case(
            "contact:\n  Email: contact.mail",
            "own.yaml, line 2, contact.Email: there is no source 'contact.mail'",
        ),
        Case("contact:\n  Email: signal.a.b", "line 2, contact.Email: there is no source"),
        Case("\nlead: {}", "line 2, lead: there is no such object; there are contact, task"),
        Case("contact:\n  A:\n    from: contact.email\n    form: x", "line 4, contact.A.form: unknown"),
        Case("contact:\n  A: {from: contact.email, format: no}", "line 2, contact.A.format: no such format"),
        Case("contact:\n  A: {from: contact.email, format: [a]}", "line 2, contact.A.format: no such format"),
        Case("contact:\n  A: {from: contact.email, longest: 0}", "contact.A.longest: a whole number"),
        Case("contact:\n  A: {from: contact.email, longest: true}", "contact.A.longest: a whole number"),
        Case("contact:\n  A: {from: contact.email, values: 3}", "contact.A.values: a mapping"),
        Case("contact:\n  A: {constant: 1, longest: 3}", "contact.A.constant: a constant says something"),
        Case("contact:\n  A: {constant: }", "a constant says something"),
        Case("contact:\n  A: {format: date}", "contact.A: one of from, constant and text"),
        Case("contact:\n  A: {text: 3}", "contact.A.text: a text is expected"),
        Case(
            "contact:\n  A: {text: 'Hi {contact.nick}'}", "contact.A.text: there is no source 'contact.nick'"
        ),
        Case("contact:\n  A: {text: 'Hi {contact.email|x}'}", "with a format 'x'"),
        Case("contact:\n  A: {from: contact.email, once: 1}", "contact.A.once: true or false"),
        Case("contact:\n  A: []", "contact.A: a source such as"),
        Case("contact:\n  A: 3", "contact.A: a mapping of names"),
        Case("contact:\n  A: contact.email\n  A: contact.phone", "line 3, contact.A: named twice"),
        Case("contact:\n  A: {constant: 2026-13-45}", "contact.A: not a value"),
        Case("- a", "line 1: a mapping of names"),
        Case("a: [", "own.yaml is not YAML"),
        Case("", "own.yaml is empty"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(case: Case) -> None:
    with pytest.raises(MappingInvalid) as caught:
        read_mapping(case.text, source="own.yaml", objects=OBJECTS)
    assert case.says in str(caught.value)


def test_a_value_that_does_not_fit_its_format_is_refused_by_name() -> None:
    for rule in (
        "attributes.plan, format: percent",
        "attributes.plan, format: date",
        "contact.email, format: quotes",
    ):
        mapping = read_mapping(f"task:\n  Sure: {{from: {rule}}}", source="own.yaml", objects=OBJECTS)
        with pytest.raises(DeliveryRefused, match=r"task\.Sure.*") as caught:
            mapping.render("task", dispatch())
        assert "Fibre" not in str(caught.value)


def test_a_file_is_named_without_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("lead: {}")
    with pytest.raises(MappingInvalid, match=r"^mine\.yaml, line 1"):
        load_mapping(file, objects=OBJECTS)


def test_a_text_is_filled_in_and_lines_that_say_nothing_are_left_out() -> None:
    lines = (
        "{signal.kind|title} ({signal.probability|percent_text})",
        "{attributes.nothing}",
        "Plan: {attributes.plan} {",
    )
    text = "\\n".join(lines)
    mapping = read_mapping(f'task:\n  Body: {{text: "{text}"}}', source="own.yaml", objects=OBJECTS)
    assert mapping.render("task", dispatch()) == {"Body": "Churn risk (87 %)\nPlan: Fibre 250 {"}


def test_what_is_sent_once_is_sent_with_a_new_record_only() -> None:
    rules = "task:\n  Status: {constant: Open, once: true}\n  At: dispatch.at"
    mapping = read_mapping(rules, source="own.yaml", objects=OBJECTS)
    assert set(mapping.render("task", dispatch(), new=True)) == {"Status", "At"}
    assert set(mapping.render("task", dispatch(), new=False)) == {"At"}
