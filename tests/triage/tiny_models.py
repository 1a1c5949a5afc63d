"""Models of a small shop, trained in a second on a few dozen messages, with its taxonomy and its rules."""

from __future__ import annotations

from functools import cache

from inference.fakes import HashEncoder
from tests.triage.shop import messages
from triage.labelled import MARKS, Marked, marked, read_labelled
from triage.marks import train_marks
from triage.model import train
from triage.models import TriageModels, points_of
from triage.taxonomy import Taxonomy

ENCODER = HashEncoder(dimensions=128)
PARENTS = {
    "billing": ("refund", "invoice"),
    "logistics": ("delivery", "damage"),
    "sales": ("cancel", "stock"),
}
RULES = {
    "default_queue": "general",
    "calendars": {"always": {"timezone": "Europe/Berlin", "hours": "always"}},
    "sla": {
        "calendar": "always",
        "targets": {
            "P1": {"first_response": "15m", "resolution": "4h"},
            **{name: {"first_response": "1d", "resolution": "3d"} for name in ("P2", "P3", "P4")},
        },
    },
    "rules": [
        {
            "name": "enterprise customers",
            "when": {"fact": "tier", "equals": "enterprise"},
            "then": {"queue": "vip", "priority": "P1", "tags": ["vip"]},
        },
        {
            "name": "letters about refunds",
            "when": {"all": [{"channel": "letter"}, {"intent": "billing.refund", "at_least": 0.2}]},
            "then": {"queue": "accounts", "stop": True},
        },
    ],
}


def full_name(label: str) -> str:
    """A label of the shop as the taxonomy has it."""
    return next(f"{parent}.{label}" for parent, leaves in PARENTS.items() if label in leaves)


def shop_taxonomy() -> Taxonomy:
    said: dict[str, list[str]] = {}
    for example in messages(5, seed=1):
        said.setdefault(example.label, []).append(example.text)
    queues = [{"name": name, "title": name.title()} for name in PARENTS]
    intents = [
        {
            "name": parent,
            "title": parent.title(),
            "queue": parent,
            "priority": "P3",
            "intents": [
                {"name": leaf, "title": leaf.title(), "examples": {"en": said[leaf]}} for leaf in leaves
            ],
        }
        for parent, leaves in PARENTS.items()
    ]
    signal = {
        "name": "churn_risk",
        "title": "May leave",
        "description": "Says that they will go.",
        "next_action": "Call them.",
        "owner": "sales",
        "examples": {"en": ["I am leaving"]},
    }
    return Taxonomy.model_validate(
        {"name": "shop", "title": "Shop", "queues": queues, "intents": intents, "signals": [signal]}
    )


@cache
def tiny_models() -> TriageModels:
    taxonomy = shop_taxonomy()
    intents, held_out = train(taxonomy.examples(), ENCODER)
    marks, _ = train_marks(_few_of_each_mark(), ENCODER)
    return TriageModels(intents, marks, points_of(intents.labels, held_out, taxonomy.leaves))


def _few_of_each_mark() -> list[Marked]:
    known = marked(read_labelled())
    chosen = {
        message.text: message for mark in MARKS for message in [one for one in known if mark in one.yes][:6]
    }
    return list(chosen.values())
