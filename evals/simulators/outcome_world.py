"""Customers of a broadband company, what they write, and what sales and customer success make of it.

What is simulated, and what is not. Messages are composed of sentences of our own (``outcome_messages.yaml``)
and read by the real triage: which of them are told, and how sure it is, is not simulated. Whether a signal is
worth anything is drawn from the probability that its topic has, times a factor of the customer's plan, moved
by a number that each customer has and nobody sees; what was no signal never is. The team says nothing of 15 %
of signals, is wrong about 6 % either way, and takes days: log-normal, a median of 3.

``SHIFT`` is what changes when the world does: mesh comes with every plan and TV is sold no more, so that
asking for either brings nothing; students get an offer of their own; who moves can be kept by a partner
network; one rival has left the area. A learner is told none of this, nor that there are topics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml

MESSAGES = Path(__file__).with_name("outcome_messages.yaml")
KINDS = ("upsell", "churn_risk")
CUSTOMERS = 16_000
A_WEEK = 800  # messages
SILENT, WRONG, MEDIAN_DAYS, SPREAD = 0.15, 0.06, 3.0, 0.7
_LATE_DAYS = 10.0  # after which what was right is told to have come too late
_HIDDEN = 0.7  # standard deviation of the logit that is the customer's own
_PLANS = {"student": 0.2, "home": 0.45, "plus": 0.2, "business": 0.15}  # shares of customers
_PRICES = {"student": 180.0, "home": 350.0, "plus": 520.0, "business": 1400.0}  # a year
_STAGES = ("onboarding", "retention", "retention", "retention", "at_risk")
# Of every hundred messages; the rest is ordinary.
_TOPIC_WEIGHTS = {
    "faster": 8, "mesh": 7, "second_line": 4, "tv": 7, "mobile": 6, "static_ip": 3, "discount": 6,
    "curious": 6,
    "price_rise": 5, "rival_offer": 6, "outages": 6, "moving": 8, "end_of_term": 4, "bereavement": 4,
    "contract_end": 5, "venting": 5, "ordinary": 10,
}  # fmt: skip
_NEW_WORDS = 3  # the week, from 0, from which on the last third of the phrasings is heard
_ONLY = {"static_ip": ("business",), "end_of_term": ("student",)}


@dataclass(frozen=True, slots=True)
class Rules:
    """What a signal is worth: a probability by topic, and a factor by kind and plan."""

    topics: Mapping[str, float]
    plans: Mapping[str, Mapping[str, float]]


BEFORE = Rules(
    topics={
        "faster": 0.75, "mesh": 0.75, "second_line": 0.85, "tv": 0.6, "mobile": 0.5, "static_ip": 0.9,
        "discount": 0.15, "curious": 0.15,
        "price_rise": 0.8, "rival_offer": 0.9, "outages": 0.75, "moving": 0.15, "end_of_term": 0.1,
        "bereavement": 0.03, "contract_end": 0.6, "venting": 0.3, "ordinary": 0.0,
    },
    plans={
        "upsell": {"student": 0.3, "home": 0.9, "plus": 1.0, "business": 1.1},
        "churn_risk": {"student": 0.5, "home": 1.0, "plus": 1.0, "business": 1.1},
    },
)  # fmt: skip
SHIFT = replace(
    BEFORE,
    topics={
        **BEFORE.topics,
        "mesh": 0.05,
        "tv": 0.05,
        "moving": 0.85,
        "end_of_term": 0.8,
        "rival_offer": 0.2,
    },
    plans={**BEFORE.plans, "upsell": {**BEFORE.plans["upsell"], "student": 1.1}},
)


@dataclass(frozen=True, slots=True)
class Person:
    """A customer; ``hidden`` moves the logit of all that they may be worth."""

    number: int
    plan: str
    value: float
    stage: str
    hidden: float

    def facts(self) -> dict[str, object]:
        """What the company knows."""
        return {"plan": self.plan, "value": self.value, "stage": self.stage}


@dataclass(frozen=True, slots=True)
class Written:
    """A message, ``day`` (a fraction too) after the beginning, and the ``chances`` that it is worth anything.

    ``worth`` is what they came to, by kind of signal.
    """

    number: int
    day: float
    person: Person
    topic: str
    text: str
    chances: Mapping[str, float]
    worth: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Said:
    """What the team says of a signal, ``days`` after it was told."""

    days: float
    noise: bool
    won: bool
    late: bool


class OutcomeWorld:
    """A world of a seed. What it draws does not depend on what is told of it."""

    def __init__(self, seed: int, *, customers: int = CUSTOMERS, a_week: int = A_WEEK) -> None:
        self._seed, self._random = seed, np.random.default_rng(seed)
        self._words = yaml.safe_load(MESSAGES.read_text(encoding="utf-8"))
        self._people = [self._person(number) for number in range(customers)]
        self._a_week = a_week
        self._written = 0

    @property
    def people(self) -> Sequence[Person]:
        """Every customer."""
        return self._people

    def week(self, week: int, rules: Rules) -> list[Written]:
        """The messages of week ``week`` (from 0), in the order of their days."""
        thirds = 3 if week >= _NEW_WORDS else 2
        days = np.sort(self._random.uniform(7 * week, 7 * week + 7, self._a_week))
        return [self._message(float(day), rules, thirds) for day in days]

    def answer(self, message: Written, kind: str) -> Said | None:
        """What the team says of a signal of ``kind`` of ``message``; none where it says nothing."""
        random = np.random.default_rng([self._seed, message.number])
        silent, wrong, won = random.random(3)
        days = float(random.lognormal(np.log(MEDIAN_DAYS), SPREAD))
        if silent < SILENT:
            return None
        right = message.worth.get(kind, False) != bool(wrong < WRONG)
        return Said(days, noise=not right, won=bool(won < 0.4), late=days > _LATE_DAYS)

    def _person(self, number: int) -> Person:
        random = self._random
        plan = str(random.choice(list(_PLANS), p=list(_PLANS.values())))
        value = round(_PRICES[plan] * float(random.lognormal(0.0, 0.25)), 2)
        stage = str(random.choice(_STAGES))
        return Person(number, plan, value, stage, float(random.normal(0, _HIDDEN)))

    def _message(self, day: float, rules: Rules, thirds: int) -> Written:
        random = self._random
        weights = np.array(list(_TOPIC_WEIGHTS.values()), dtype=np.float64)
        topic = str(random.choice(list(_TOPIC_WEIGHTS), p=weights / weights.sum()))
        person = self._people[int(random.integers(len(self._people)))]
        while topic in _ONLY and person.plan not in _ONLY[topic]:
            person = self._people[int(random.integers(len(self._people)))]
        means = self._words["topics"][topic]["kind"]
        chances = {kind: chance(rules, topic, person, kind) if kind == means else 0.0 for kind in KINDS}
        worth = {kind: bool(random.random() < chances[kind]) for kind in KINDS}
        self._written += 1
        return Written(self._written, day, person, topic, self._compose(topic, thirds), chances, worth)

    def _compose(self, topic: str, thirds: int) -> str:
        words, random = self._words, self._random
        phrasings = words["topics"][topic]["phrasings"]
        sentence = str(random.choice(phrasings[: len(phrasings) * thirds // 3]))
        for name, fillers in words["fillers"].items():
            sentence = sentence.replace(f"{{{name}}}", str(random.choice(fillers)))
        around = [str(random.choice(words[name])) for name in ("openers", "asides", "closers")]
        return around[0] + sentence + around[1] + around[2]


def chance(rules: Rules, topic: str, person: Person, kind: str) -> float:
    """That a message of ``topic`` by ``person`` is worth telling as ``kind``."""
    share = min(0.95, max(0.02, rules.topics[topic] * rules.plans[kind][person.plan]))
    return float(1 / (1 + np.exp(-(np.log(share / (1 - share)) + person.hidden))))
