"""Whether outcomes teach anything: the youngest decide."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from signals.worth.circumstances import Circumstances
from signals.worth.worth import Case
from signals.worth.worth_learning import FEWEST, TOO_FEW, Aims, Live, Row, study

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
AIMS = Aims(precision=0.7, recall=0.8, looks=0.1)


def rows(number: int, right: Callable[[int, bool], bool], *, begin: int = 0, a_day: int = 5) -> list[Row]:
    """Signals of students and others in turn, ``right`` by their number and whether it is a student's."""
    found = []
    for place in range(number):
        student = place % 2 == 0
        seen = Circumstances(0.8, "triage", {"plan": "student" if student else "home"})
        at = START + (begin + place / a_day) * DAY
        found.append(Row(Case(seen), right(place, student), at))
    return found


def after(known: list[Row]) -> datetime:
    return known[-1].known_at + DAY


def learnt(known: list[Row], live: Live | None = None) -> Live:
    found = study(known, live, aims=AIMS, at=after(known)).live
    assert found is not None
    return found


def probability(live: Live, plan: str) -> float:
    assert live.model is not None
    return live.model.judge(Case(Circumstances(0.8, "triage", {"plan": plan}))).probability


def students_are_noise(_: int, student: bool) -> bool:
    return not student


def test_of_few_outcomes_nothing_is_learnt() -> None:
    known = rows(FEWEST, students_are_noise)
    verdict = study(known, None, aims=AIMS, at=after(known))
    assert (verdict.live, verdict.why) == (None, TOO_FEW)


def test_noise_that_can_be_told_is_learnt_and_left_out() -> None:
    live = learnt(rows(120, students_are_noise))
    assert probability(live, "student") < live.cut <= probability(live, "home")


def test_where_the_detector_was_right_nothing_changes() -> None:
    known = rows(120, lambda place, _: place % 10 < 8)  # as often as it says, of students and others
    assert study(known, None, aims=AIMS, at=after(known)).live is None


def test_a_model_is_kept_until_enough_came_that_it_has_not_seen() -> None:
    known = rows(120, students_are_noise)
    live = learnt(known)
    more = known + rows(18, students_are_noise, begin=25)
    assert study(more, live, aims=AIMS, at=after(more)).why == TOO_FEW


def test_a_world_that_turned_around_is_learnt_anew() -> None:
    before = rows(120, students_are_noise)
    live = learnt(before)
    known = before + rows(80, lambda _, student: student, begin=25)
    again = learnt(known, live)
    assert probability(again, "student") > probability(again, "home")


def test_a_model_that_became_worse_than_the_detector_is_given_up() -> None:
    before = rows(120, students_are_noise)
    random = np.random.default_rng(3)
    known = before + rows(80, lambda *_: bool(random.random() < 0.8), begin=25)
    verdict = study(known, learnt(before), aims=AIMS, at=after(known))
    assert verdict.live is not None
    assert verdict.live.model is None or probability(verdict.live, "student") > 0.5


@pytest.mark.parametrize(("recall", "students_told"), [(0.5, False), (0.95, True)])
def test_no_more_is_left_out_than_the_recall_allows(recall: float, students_told: bool) -> None:
    # Of students one in five is right, so that they hold a sixth of all that is.
    known = rows(400, lambda place, student: place % 10 == 0 if student else True, a_day=20)
    aims = Aims(precision=0.95, recall=recall)
    verdict = study(known, None, aims=aims, at=after(known))
    assert verdict.live is not None
    assert (probability(verdict.live, "student") >= verdict.live.cut) is students_told


def test_outcomes_beyond_the_window_teach_nothing() -> None:
    known = rows(120, students_are_noise)
    assert study(known, None, aims=AIMS, at=START + 200 * DAY).rows == 0
