from dataclasses import replace

from kit.ids import MessageId
from signals.detection import Heard, Part, detect
from signals.policy import POLICIES
from signals.signal import Quote, SignalKind
from tests.triage.triaged import triaged
from triage.labels import Evidence, Label, Signal

BEGIN = {kind: policy.threshold for kind, policy in POLICIES.items()}
TURN = "I want out\nand a refund"
PARTS = (Part(MessageId("m1"), 0, 10), Part(MessageId("m2"), 11, 23))


def heard(*evidence: Evidence) -> Heard:
    said = replace(triaged(), signals=(Label(Signal.CHURN_RISK, 0.9, evidence),))
    return Heard("m2", said, TURN, PARTS)


def test_every_kind_that_triage_tells_is_a_kind_of_signal() -> None:
    assert {kind.value for kind in Signal} < {kind.value for kind in SignalKind}
    assert set(POLICIES) == set(SignalKind)


def test_offsets_are_those_of_the_message_that_has_the_words() -> None:
    (found,) = detect(heard(Evidence(7, 10, "out", 0.6), Evidence(17, 23, "refund", 0.4)), BEGIN)
    assert found.quotes == (
        Quote("out", 7, 10, 0.6, MessageId("m1")),
        Quote("refund", 6, 12, 0.4, MessageId("m2")),
    )


def test_words_that_reach_over_two_messages_are_quoted_from_both() -> None:
    (found,) = detect(heard(Evidence(7, 14, "out\nand", 0.6)), BEGIN)
    assert [(quote.text, quote.start, quote.message_id) for quote in found.quotes] == [
        ("out", 7, "m1"),
        ("and", 0, "m2"),
    ]
    assert sum(quote.weight for quote in found.quotes) == 0.6


def test_a_ticket_has_no_parts() -> None:
    (found,) = detect(replace(heard(Evidence(0, 6, "I want", 1.0)), parts=()), BEGIN)
    assert found.quotes == (Quote("I want", 0, 6, 1.0, None),)
