"""What triage's own tests are trained on: six intents of a shop, and a few messages of each mark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from inference.embeddings import Encoder
from triage.examples import OUT_OF_SCOPE
from triage.labelled import LabelledMessage, read_labelled
from triage.labels import Signal
from triage.models import TriageModels, prepare_models
from triage.taxonomy import Taxonomy, read_taxonomy, shipped

LEAVES = frozenset(
    {
        "orders.where_is_my_order",
        "orders.delivery_delay",
        "orders.parcel_lost",
        "payments.double_charge",
        "account.account_hacked",
        "subscription.cancel_subscription",
    }
)


def small_taxonomy() -> Taxonomy:
    """The online shop with six intents, and without what only other intents say."""
    content = read_taxonomy(shipped()["ecommerce"]).model_dump(by_alias=True)
    for parent in content["intents"]:
        parent["intents"] = [
            leaf for leaf in parent["intents"] if f"{parent['name']}.{leaf['name']}" in LEAVES
        ]
        for leaf in parent["intents"]:
            leaf["not_examples"] = [
                other for other in leaf["not_examples"] if other["is"] in LEAVES | {OUT_OF_SCOPE}
            ]
    content["intents"] = [parent for parent in content["intents"] if parent["intents"]]
    return Taxonomy.model_validate(content | {"signals": ()})


def few_labelled(each: int, *, seed: int = 0) -> list[LabelledMessage]:
    """Of the messages that ship some, so that each mark holds of ``each`` or more of them."""
    messages = read_labelled()
    counts: Counter[str] = Counter()
    found = []
    for row in np.random.default_rng(seed).permutation(len(messages)):
        message = messages[row]
        marks = (*message.signals, *message.urgency, message.sentiment, message.origin)
        if any(counts[mark] < each for mark in marks):
            counts.update(marks)
            found.append(message)
    return found


def who_leaves_whom(each: int) -> list[LabelledMessage]:
    """Of the messages that ship those that say in few words that somebody leaves us, or another for us."""
    short = [message for message in read_labelled() if len(message.text) < 60]
    leaves = [message for message in short if _is(message, "{us}", Signal.CHURN_RISK)]
    comes = [message for message in short if _is(message, "{them}", Signal.PURCHASE_INTENT)]
    return leaves[:each] + comes[:each]


def that_signal(signal: Signal, most: int) -> list[LabelledMessage]:
    """Of the messages that ship the first ``most`` that are this signal: six of them say little of it."""
    return [message for message in read_labelled() if signal in message.signals][:most]


def _is(message: LabelledMessage, whose: str, signal: Signal) -> bool:
    names = [name for name in ("{us}", "{them}") if name in message.text]
    return names == [whose] and signal in message.signals


def prepare_small(
    encoder: Encoder, cache: Path, *, labelled: Sequence[LabelledMessage], taxonomy: Taxonomy
) -> TriageModels:
    """As ``prepare_models``, from ``labelled`` in the place of all that ships, which takes a minute less."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("triage.models.read_labelled", lambda: labelled)
        patch.setattr("triage.models.shipped", dict)
        return prepare_models(taxonomy, encoder, cache)
