"""How soon: what the intent calls for, and what the message says of itself."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.labels import Label, Priority, Signal, Urgency
from triage.priority import CALLED_FOR, prioritise

CALM = {Priority.P4: 1.0}
REASONS = tuple(CALLED_FOR)
SHARES = st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(lambda some: sum(some) > 0.01)


def usual_of(shares: list[float]) -> dict[Priority, float]:
    return {level: share / sum(shares) for level, share in zip(Priority, shares, strict=True)}


@dataclass(frozen=True)
class Case:
    name: str
    usual: dict[Priority, float]
    reasons: dict[str, float]
    shares: tuple[float, float, float, float]
    priority: Priority


@pytest.mark.parametrize(
    "case",
    [
        Case("calm", CALM, {}, (0, 0, 0, 1), Priority.P4),
        Case("calm, hardly a reason", CALM, {Urgency.BLOCKED: 0.1}, (0, 0.1, 0, 0.9), Priority.P4),
        Case("security", CALM, {Urgency.SAFETY_OR_SECURITY: 0.9}, (0.9, 0, 0, 0.1), Priority.P1),
        Case("blocked", {Priority.P3: 1.0}, {Urgency.BLOCKED: 0.8}, (0, 0.8, 0.2, 0), Priority.P2),
        Case(
            "two reasons that may hold, one of which does",
            {Priority.P3: 1.0},
            {Urgency.BLOCKED: 0.4, Signal.LEGAL_OR_PRIVACY: 0.4},
            (0, 0.64, 0.36, 0),  # 1 - 0.6 * 0.6
            Priority.P2,
        ),
        Case(
            "reasons of two levels",
            {Priority.P3: 0.5, Priority.P4: 0.5},
            {Urgency.MANY_AFFECTED: 0.2, Urgency.DEADLINE: 0.5},
            (0.2, 0.4, 0.2, 0.2),
            Priority.P2,
        ),
        Case(
            "urgent by intent alone", {Priority.P1: 0.6, Priority.P4: 0.4}, {}, (0.6, 0, 0, 0.4), Priority.P1
        ),
        Case(
            "the middle, not the likeliest",
            {Priority.P1: 0.3, Priority.P2: 0.3, Priority.P4: 0.4},
            {},
            (0.3, 0.3, 0, 0.4),
            Priority.P2,
        ),
        Case("what is no reason", CALM, {Signal.ADVOCACY: 1.0}, (0, 0, 0, 1), Priority.P4),
    ],
    ids=lambda case: case.name,
)
def test_levels_are_those_of_a_noisy_or(case: Case) -> None:
    found = prioritise(case.usual, case.reasons, [])
    assert found.name is case.priority
    assert [level for level, _ in found.probabilities] == list(Priority)
    assert [share for _, share in found.probabilities] == pytest.approx(case.shares)
    assert found.probability == dict(found.probabilities)[found.name]


def test_reasons_that_call_for_more_than_usual_are_given_in_their_order() -> None:
    raised = [
        Label(Signal.CHURN_RISK, 0.95),
        Label(Urgency.DEADLINE, 0.9),
        Label(Urgency.SAFETY_OR_SECURITY, 0.8),
    ]
    probabilities = {label.name: label.probability for label in raised}
    assert prioritise({Priority.P3: 1.0}, probabilities, raised).reasons == tuple(raised[1:])
    assert prioritise({Priority.P2: 1.0}, probabilities, raised).reasons == tuple(raised[2:])
    assert prioritise({Priority.P1: 1.0}, probabilities, raised).reasons == ()


@given(SHARES, st.dictionaries(st.sampled_from(REASONS), st.floats(0, 1)))
def test_probabilities_add_up_to_one_and_the_name_is_their_median(
    shares: list[float], reasons: dict[str, float]
) -> None:
    found = prioritise(usual_of(shares), reasons, [])
    by_level = dict(found.probabilities)
    assert sum(by_level.values()) == pytest.approx(1)
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in by_level.values())
    so_urgent = sum(share for level, share in by_level.items() if level <= found.name)
    more_urgent = sum(share for level, share in by_level.items() if level < found.name)
    assert more_urgent <= 0.5 + 1e-9
    assert so_urgent >= 0.5 - 1e-9


@given(SHARES, st.sampled_from(REASONS), st.floats(0, 1), st.floats(0, 1))
def test_a_likelier_reason_never_makes_a_message_less_urgent(
    shares: list[float], reason: str, first: float, second: float
) -> None:
    less, more = sorted([first, second])
    calm, urgent = (prioritise(usual_of(shares), {reason: value}, []) for value in (less, more))
    assert urgent.name <= calm.name
    assert urgent.probabilities[0][1] >= calm.probabilities[0][1] - 1e-9
