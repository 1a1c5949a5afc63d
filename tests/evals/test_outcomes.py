"""What the answers suite counts, on answers made by hand."""

from __future__ import annotations

import pytest

from bot.answer import Answer, AnswerKind
from evals.dataset import Label, Query
from evals.outcomes import Outcome, measure_outcomes


def outcome(
    kind: AnswerKind,
    label: Label,
    answerability: float = 0.5,
    *,
    document: bool | None = None,
    passage: bool | None = None,
    claims: tuple[int, int] = (0, 0),
    quotes: tuple[int, int] = (0, 0),
    text: str = "",
    reference: str | None = None,
) -> Outcome:
    """An outcome; ``claims`` is supported of all, ``quotes`` verbatim of all."""
    return Outcome(
        query=Query("q", "?", label=label, kind=label, answer=reference),
        answer=Answer(kind, text, answerability=answerability),
        cites_document=document,
        cites_passage=passage,
        claims=claims[1],
        supported=claims[0],
        quotes=quotes[1],
        verbatim=quotes[0],
    )


ANSWER, CLARIFY, HANDOVER = AnswerKind.ANSWER, AnswerKind.CLARIFY, AnswerKind.HANDOVER
OUTCOMES = (
    outcome(
        ANSWER,
        Label.ANSWERABLE,
        0.9,
        document=True,
        passage=True,
        claims=(2, 2),
        quotes=(3, 3),
        text="ten seconds",
        reference="ten seconds",
    ),
    outcome(
        ANSWER,
        Label.ANSWERABLE,
        0.7,
        document=True,
        passage=False,
        claims=(1, 2),
        quotes=(1, 1),
        text="green light",
        reference="ten seconds",
    ),
    outcome(HANDOVER, Label.ANSWERABLE, 0.3, document=False, passage=False),
    outcome(ANSWER, Label.UNANSWERABLE, 0.6, claims=(0, 1), quotes=(1, 1)),
    outcome(HANDOVER, Label.UNANSWERABLE, 0.1),
    outcome(CLARIFY, Label.UNDERSPECIFIED, 0.4),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("coverage", 2 / 3),  # answerable questions that were answered
        ("token_f1", 0.5),  # one the same as its reference, one without a shared word
        ("cited_gold", 1.0),  # both answers cite the gold document
        ("cited_gold@0.6", 1.0),
        ("cited_gold_passage", 0.5),
        ("answered_with_gold_passage", 1 / 3),
        # Surest first over all six: right, wrong passage, wrong to answer at all.
        ("risk@0.5", 2 / 3),
        ("aurc", (0 + 1 / 2 + 2 / 3) / 3),
        # Answerable .9 .7 .3 against unanswerable .6 .1: of six pairs only .3 < .6 is out of order.
        ("answerability_auroc", 5 / 6),
        ("groundedness", 3 / 5),
        ("quotes_verbatim", 1.0),
        ("quotes", 5),
        ("answerable.answered", 2 / 3),
        ("answerable.handed_over", 1 / 3),
        ("unanswerable.answered", 1 / 2),
        ("underspecified.clarified", 1.0),
    ],
)
def test_the_metric_is_what_the_definition_says(name: str, value: float) -> None:
    assert measure_outcomes(OUTCOMES).metrics[name] == pytest.approx(value)


def test_coverage_that_was_never_reached_has_no_risk() -> None:
    metrics = measure_outcomes(OUTCOMES).metrics
    assert "risk@0.6" not in metrics
    assert "cited_gold@0.8" not in metrics


def test_every_interval_holds_its_metric() -> None:
    measures = measure_outcomes(OUTCOMES)
    for name, (low, high) in measures.intervals.items():
        assert low <= measures.metrics[name] <= high, name


def test_without_unanswerable_questions_there_is_no_auroc() -> None:
    metrics = measure_outcomes(OUTCOMES[:3]).metrics
    assert "answerability_auroc" not in metrics
    assert "answerability_ece" not in metrics


def test_questions_of_which_nothing_is_known_leave_risk_out() -> None:
    metrics = measure_outcomes([outcome(ANSWER, Label.UNKNOWN)]).metrics
    assert metrics["coverage"] == 1.0
    assert not [name for name in metrics if name.startswith(("risk", "aurc", "cited"))]
