"""Where a conversation waits."""

from __future__ import annotations

from bot.destination import Destination, destination
from tests.bot.labelled import labels_of
from tests.triage.triaged import triaged
from triage.labels import Certainty, Priority

SURE = labels_of(triaged(queue="billing", priority=Priority.P2))
URGENT = labels_of(triaged(certainty=Certainty.NOT_SURE, priority=Priority.P1))
CALM = labels_of(triaged(certainty=Certainty.OUT_OF_SCOPE, priority=Priority.P4))


def test_without_labels_it_is_the_default() -> None:
    assert destination([], default="support") == Destination("support", None)


def test_what_triage_is_sure_of_names_the_queue() -> None:
    assert destination([SURE], default="support") == Destination("billing", Priority.P2)
    assert destination([URGENT], default="support") == Destination("support", Priority.P1)


def test_the_newest_turn_that_says_what_it_is_about_decides() -> None:
    other = labels_of(triaged(queue="sales"))
    assert destination([CALM, SURE, other], default="support") == Destination("billing", Priority.P2)


def test_the_priority_is_never_calmer_than_that_of_the_last_turn() -> None:
    assert destination([URGENT, SURE], default="support") == Destination("billing", Priority.P1)
