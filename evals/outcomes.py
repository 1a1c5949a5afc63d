"""What became of each question, and the numbers that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bot.answer import Answer, AnswerKind
from evals.dataset import Label, Query
from evals.measures import Measures
from evals.metrics import RiskCoverage, auroc, ece, risk_coverage, token_f1

COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SUPPORTED = 0.5  # a sentence is supported when it is likelier than not that its quotes say it


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question, its answer, and how that compares with what was known.

    ``cites_document`` and ``cites_passage`` are none where no gold document or passage is known.
    ``claims`` counts sentences with a citation or a claim, ``supported`` those that their quotes
    support; ``quotes`` counts citations, ``verbatim`` those found word for word in the database.
    """

    query: Query
    answer: Answer
    cites_document: bool | None
    cites_passage: bool | None
    claims: int
    supported: int
    quotes: int
    verbatim: int

    @property
    def answered(self) -> bool:
        """Whether the customer got an answer rather than a question back or a handover."""
        return self.answer.kind is AnswerKind.ANSWER

    @property
    def correct(self) -> bool:
        """Whether an answer was due and cites what it had to: the gold passage, or else the gold document."""
        if not _due(self):
            return False
        return bool(self.cites_document if self.cites_passage is None else self.cites_passage)


def measure_outcomes(outcomes: Sequence[Outcome]) -> Measures:
    """Every metric of the ``answers`` suite; those that the data set says nothing about are left out."""
    measures = Measures()
    _add_coverage(measures, outcomes)
    _add_citations(measures, outcomes)
    _add_risk(measures, outcomes)
    _add_answerability(measures, outcomes)
    _add_grounding(measures, outcomes)
    _add_kinds(measures, outcomes)
    return measures


def _add_coverage(measures: Measures, outcomes: Sequence[Outcome]) -> None:
    due = [outcome for outcome in outcomes if _due(outcome)]
    measures.mean("coverage", [outcome.answered for outcome in due])
    measures.mean(
        "token_f1",
        [token_f1(o.answer.text, o.query.answer) for o in due if o.answered and o.query.answer is not None],
    )


def _add_citations(measures: Measures, outcomes: Sequence[Outcome]) -> None:
    judged = [outcome for outcome in outcomes if outcome.cites_document is not None and _due(outcome)]
    measures.mean("cited_gold", [bool(outcome.cites_document) for outcome in judged if outcome.answered])
    curve = _Curve.of(judged, right=lambda outcome: bool(outcome.cites_document))
    for coverage in COVERAGES:
        measures.statistic(f"cited_gold@{coverage}", len(judged), partial(curve.precision_at, coverage))
    known = [outcome for outcome in outcomes if outcome.cites_passage is not None]
    measures.mean(
        "cited_gold_passage", [bool(outcome.cites_passage) for outcome in known if outcome.answered]
    )
    answerable = [outcome for outcome in known if outcome.query.label is Label.ANSWERABLE]
    measures.mean("answered_with_gold_passage", [o.answered and bool(o.cites_passage) for o in answerable])


def _add_risk(measures: Measures, outcomes: Sequence[Outcome]) -> None:
    """Risk among the surest answers, over all questions of which it is known what is right."""
    judged = [outcome for outcome in outcomes if outcome.cites_document is not None or not _due(outcome)]
    curve = _Curve.of(judged, right=lambda outcome: outcome.correct)
    for coverage in COVERAGES:
        measures.statistic(f"risk@{coverage}", len(judged), partial(curve.risk_at, coverage))
    measures.statistic("aurc", len(judged), curve.area)


@dataclass(frozen=True, slots=True)
class _Curve:
    """Columns over questions, from which the risk-coverage curve of any sample of them is drawn."""

    surety: NDArray[np.float64]
    right: NDArray[np.bool_]
    given: NDArray[np.bool_]

    @classmethod
    def of(cls, outcomes: Sequence[Outcome], *, right: Callable[[Outcome], bool]) -> _Curve:
        return cls(
            surety=np.array([outcome.answer.answerability for outcome in outcomes], float),
            right=np.array([right(outcome) for outcome in outcomes], bool),
            given=np.array([outcome.answered for outcome in outcomes], bool),
        )

    def draw(self, places: NDArray[np.intp]) -> RiskCoverage:
        given = places[self.given[places]]
        return risk_coverage(self.surety[given], self.right[given], questions=len(places))

    def risk_at(self, coverage: float, places: NDArray[np.intp]) -> float:
        return self.draw(places).risk_at(coverage)

    def precision_at(self, coverage: float, places: NDArray[np.intp]) -> float:
        return 1 - self.risk_at(coverage, places)

    def area(self, places: NDArray[np.intp]) -> float:
        return self.draw(places).area


def _due(outcome: Outcome) -> bool:
    """Whether an answer was due, rather than a question back or a person."""
    return outcome.query.label not in {Label.UNANSWERABLE, Label.UNDERSPECIFIED}


def _add_answerability(measures: Measures, outcomes: Sequence[Outcome]) -> None:
    """Answerable against unanswerable; partly answerable and underspecified questions are neither."""
    sides = [o for o in outcomes if o.query.label in {Label.ANSWERABLE, Label.UNANSWERABLE}]
    truth = [outcome.query.label is Label.ANSWERABLE for outcome in sides]
    if len(set(truth)) < 2:
        return
    scores = [outcome.answer.answerability for outcome in sides]
    measures.pairs("answerability_auroc", scores, truth, auroc)
    measures.pairs("answerability_ece", scores, truth, ece)


def _add_grounding(measures: Measures, outcomes: Sequence[Outcome]) -> None:
    answers = [outcome for outcome in outcomes if outcome.answered]
    _share(measures, "groundedness", [o.supported for o in answers], [o.claims for o in answers])
    _share(measures, "quotes_verbatim", [o.verbatim for o in answers], [o.quotes for o in answers])
    measures.number("quotes", sum(outcome.quotes for outcome in answers))


def _share(measures: Measures, name: str, part: Sequence[int], whole: Sequence[int]) -> None:
    parts, wholes = np.array(part, float), np.array(whole, float)

    def statistic(places: NDArray[np.intp]) -> float:
        total = wholes[places].sum()
        return float(parts[places].sum() / total) if total else float("nan")

    measures.statistic(name, len(part), statistic)


def _add_kinds(measures: Measures, outcomes: Sequence[Outcome]) -> None:
    kinds: dict[str, Callable[[Outcome], bool]] = {
        "answered": lambda outcome: outcome.answered,
        "clarified": lambda outcome: outcome.answer.kind is AnswerKind.CLARIFY,
        "handed_over": lambda outcome: outcome.answer.kind is AnswerKind.HANDOVER,
    }
    groups = {
        kind: [o for o in outcomes if o.query.kind == kind]
        for kind in sorted({o.query.kind for o in outcomes})
    }
    groups["follow_up"] = [o for o in outcomes if o.query.label is Label.ANSWERABLE and o.query.history]
    for group, of_group in groups.items():
        for name, happened in kinds.items():
            measures.mean(f"{group}.{name}", [happened(outcome) for outcome in of_group])
