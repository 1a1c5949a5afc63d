"""A shop's customers: any number of different messages of six intents, and what its agents correct.

The intents share most of their words (order, card, account, when, why), as real ones do, so that a few
examples of each are not enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from triage.corrections import Correction, CorrectionSource, LabelKind
from triage.examples import Example

START = datetime(2026, 3, 2, 8, tzinfo=UTC)

_THING = ("lamp", "desk", "kettle", "chair", "mirror", "rug", "shelf", "clock", "sofa", "toaster", "vase")
_OPENING = ("hello", "hi there", "good morning", "sorry to ask", "quick question", "dear team", "excuse me")
_CLOSING = ("thanks", "please reply", "regards", "cheers", "please help", "waiting for your answer", "bye")
_WHEN = ("yesterday", "last week", "on monday", "two weeks ago", "this morning", "in march", "on sunday")
_SAID: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "refund": (
        ("I want my money back", "refund me", "return the amount", "reimburse me", "credit my card again"),
        ("for the {thing} I sent back {when}", "because the {thing} was returned {when}", "for my {thing}"),
    ),
    "delivery": (
        (
            "where is my parcel",
            "the courier never came",
            "still not arrived",
            "track the shipment",
            "no delivery",
        ),
        ("with the {thing} I ordered {when}", "the {thing} was promised {when}", "my {thing} order"),
    ),
    "damage": (
        (
            "it is broken",
            "there is a crack",
            "arrived scratched",
            "a part is missing",
            "it does not switch on",
        ),
        ("the {thing} came {when}", "I unpacked the {thing} {when}", "on the {thing} from {when}"),
    ),
    "invoice": (
        (
            "send me the bill",
            "I need a receipt",
            "the tax number is wrong",
            "an invoice is required",
            "bill copy",
        ),
        ("for the {thing} bought {when}", "for my accountant, {thing}, paid {when}", "about the {thing}"),
    ),
    "cancel": (
        ("stop my order", "I changed my mind", "do not ship it", "cancel everything", "I no longer want it"),
        ("the {thing} ordered {when}", "I bought the {thing} by mistake {when}", "it is the {thing}"),
    ),
    "stock": (
        ("is it available", "do you still sell", "when is it back", "sold out again", "how many are left"),
        ("the {thing} I saw {when}", "your {thing} from the page {when}", "of the {thing}"),
    ),
}
LABELS = tuple(_SAID)


def messages(per_label: int, *, seed: int) -> list[Example]:
    """Different messages in a random order; other seeds give others."""
    random = np.random.default_rng(seed)
    found: dict[str, str] = {}
    for label, (asks, places) in _SAID.items():
        wanted = len(found) + per_label
        while len(found) < wanted:
            pick = [choices[random.integers(len(choices))] for choices in (_OPENING, asks, places, _CLOSING)]
            told = ", ".join(pick).format(
                thing=_THING[random.integers(len(_THING))], when=_WHEN[random.integers(len(_WHEN))]
            )
            found.setdefault(told, label)
    rows = list(found.items())
    return [Example(*rows[row]) for row in random.permutation(len(rows))]


def corrected(
    examples: Sequence[Example],
    *,
    who: Sequence[str] = ("ada", "ben", "eve"),
    start: datetime = START,
    first_id: int = 1,
) -> list[Correction]:
    """A correction of each, ten minutes apart, by the people of ``who`` in turn."""
    return [
        Correction(
            text=example.text,
            kind=LabelKind.INTENT,
            became=example.label,
            was=None,
            who=who[number % len(who)],
            source=CorrectionSource.API,
            at=start + timedelta(minutes=10 * number),
            id=None if not first_id else first_id + number,  # type: ignore[arg-type]  # as the database numbers
        )
        for number, example in enumerate(examples)
    ]


def renamed(corrections: Sequence[Correction], label: str, to: str) -> list[Correction]:
    """As they were, but every ``label`` is called ``to``."""
    return [replace(each, became=to if each.became == label else each.became) for each in corrections]
