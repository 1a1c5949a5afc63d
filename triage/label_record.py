"""Labels and routing of a ticket as the database keeps them: plain JSON without a word of the message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from triage.labels import Evidence, Label, Triage
from triage.routing import Routing
from triage.verdicts import Note

ROUTING = "routing"


def label_record(triage: Triage) -> dict[str, Any]:
    """``triage`` with its evidence as offsets, and without entities."""
    one = {
        name: _label(getattr(triage, name)) for name in ("intent", "queue", "sentiment", "origin", "language")
    }
    several = {
        name: [_label(label) for label in getattr(triage, name)]
        for name in ("intents", "further", "signals", "urgency")
    }
    priority = {
        "name": str(triage.priority.name),
        "probability": triage.priority.probability,
        "probabilities": {str(name): value for name, value in triage.priority.probabilities},
        "reasons": [_label(label) for label in triage.priority.reasons],
    }
    return {
        "certainty": str(triage.certainty),
        "in_scope": triage.in_scope,
        "sentiment_score": triage.sentiment_score,
        "priority": priority,
        **one,
        **several,
    }


def with_routing(labels: Mapping[str, Any], routing: Routing | None) -> dict[str, Any]:
    """``labels`` as ``label_record`` has them, and beside them under ``routing`` where the rules send it."""
    return dict(labels) if routing is None else {**labels, ROUTING: _routing(routing)}


def _routing(routing: Routing) -> dict[str, Any]:
    return {
        "queue": routing.queue,
        "priority": str(routing.priority),
        "tags": list(routing.tags),
        "skills": list(routing.skills),
        "agent": routing.agent,
        "escalate_to": list(routing.escalate_to),
        "auto_reply": routing.auto_reply,
        "close": routing.close,
        "first_response_due": _moment(routing.first_response_due),
        "resolution_due": _moment(routing.resolution_due),
        "queue_rule": routing.queue_rule,
        "priority_rule": routing.priority_rule,
        "sla_rule": routing.sla_rule,
        "why": [
            {"rule": step.rule, "because": _notes(step.because), "changed": list(step.changed)}
            for step in routing.why
        ],
        "hints": [{"rule": hint.rule, "lacked": _notes(hint.lacked)} for hint in routing.hints],
    }


def _label(label: Label) -> dict[str, Any]:
    return {
        "name": str(label.name),
        "probability": label.probability,
        "evidence": _offsets(label.evidence),
    }


def _notes(notes: Sequence[Note]) -> list[dict[str, Any]]:
    return [{"text": note.text, "evidence": _offsets(note.evidence)} for note in notes]


def _offsets(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    return [{"start": words.start, "end": words.end, "weight": words.weight} for words in evidence]


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
