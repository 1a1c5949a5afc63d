"""What is stored of a ticket, as whoever works with many of them needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triage.corrections import LabelKind
from triage.entities import Entity
from triage.examples import OUT_OF_SCOPE
from triage.label_record import ROUTING
from triage.labels import Certainty, Label, Priority, PriorityLabel, Triage

_ONE = ("intent", "queue", "priority", "sentiment", "language", "origin")
_RULED = ("queue", "priority")  # of which the rules have a say
# Notes tell probabilities in words. Of the likeliest intents the last ones may change places.
_UNSTEADY = frozenset({"evidence", "why", "hints", "intents"})


def triage_of(labels: Mapping[str, Any], *, model: str = "", entities: tuple[Entity, ...] = ()) -> Triage:
    """The triage that ``label_record`` made ``labels`` of, but for its evidence, which is left out.

    ``entities`` are not stored; whoever asks for them finds them anew.
    """
    priority = labels["priority"]
    return Triage(
        certainty=Certainty(labels["certainty"]),
        intent=_label(labels["intent"]),
        in_scope=labels["in_scope"],
        intents=_labels(labels["intents"]),
        further=_labels(labels["further"]),
        queue=_label(labels["queue"]),
        priority=PriorityLabel(
            Priority(priority["name"]),
            priority["probability"],
            tuple((level, priority["probabilities"][level]) for level in Priority),
            _labels(priority["reasons"]),
        ),
        sentiment=_label(labels["sentiment"]),
        sentiment_score=labels["sentiment_score"],
        origin=_label(labels["origin"]),
        language=_label(labels["language"]),
        signals=_labels(labels["signals"]),
        urgency=_labels(labels["urgency"]),
        entities=entities,
        model=model,
    )


def told(labels: Mapping[str, Any], final_labels: Mapping[str, Any]) -> dict[str, Any]:
    """What a ticket is called, by people, else the rules, else the models; as ``label_changes`` compares.

    ``signals`` is a list; of a ticket that nobody has labelled the rest is None.
    """
    routing = labels.get(ROUTING) or {}
    found: dict[str, Any] = {name: labels[name]["name"] if name in labels else None for name in _ONE}
    found |= {name: routing[name] for name in _RULED if name in routing}
    found |= {name: final_labels[name] for name in _ONE if name in final_labels}
    certainty = labels.get("certainty")
    if LabelKind.INTENT in final_labels:
        certainty = Certainty.OUT_OF_SCOPE if found["intent"] == OUT_OF_SCOPE else Certainty.SURE
    held = {label["name"]: True for label in labels.get("signals", ())}
    held |= final_labels.get(LabelKind.SIGNAL, {})
    signals = sorted(name for name, holds in held.items() if holds)
    return found | {"certainty": certainty, "signals": signals}


def outline(labels: Any) -> Any:  # noqa: ANN401 (any JSON value)
    """All that anybody acts on: names, and where the rules sent it.

    What is left out may differ in its last digits from one pass to the next, by what was read together.
    """
    if isinstance(labels, Mapping):
        kept = {name: value for name, value in labels.items() if name not in _UNSTEADY}
        return {name: outline(value) for name, value in kept.items()}
    if isinstance(labels, list | tuple):
        return [outline(item) for item in labels]
    return None if isinstance(labels, float) else labels


def _labels(stored: Sequence[Mapping[str, Any]]) -> tuple[Label, ...]:
    return tuple(map(_label, stored))


def _label(stored: Mapping[str, Any]) -> Label:
    return Label(stored["name"], stored["probability"])
