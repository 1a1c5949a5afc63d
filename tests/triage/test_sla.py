from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from triage.calendars import CalendarSettings
from triage.labels import Priority
from triage.sla import Duration, SlaClock, SlaEvent, SlaTarget, SlaTargets, Step

OFFICE = CalendarSettings.model_validate(
    {"timezone": "Europe/Berlin", "hours": {"mon-fri": "08:00-18:00"}}
).calendar()
ALWAYS = CalendarSettings.model_validate({"timezone": "UTC", "hours": "always"}).calendar()
HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 7, 6, 8, 0, tzinfo=UTC)  # 10:00 in Berlin
FOUR_HOURS = SlaClock.start(OFFICE, 4 * HOUR, at=MONDAY)

TARGETS: dict[str, Any] = {
    "calendar": "office",
    "targets": {
        "P1": {"first_response": "15m", "resolution": "4h", "calendar": "always"},
        "P2": {"first_response": "1h", "resolution": "1d"},
        "P3": {"first_response": "4h", "resolution": "2d"},
        "P4": {"first_response": "1d", "resolution": "5d"},
    },
    "queues": {"privacy_legal": {"P2": {"resolution": "3d"}}},
    "tiers": {"enterprise": {"P2": {"first_response": "30m", "calendar": "always"}}},
}


@pytest.mark.parametrize(
    ("text", "office", "always"),
    [
        ("15m", timedelta(minutes=15), timedelta(minutes=15)),
        ("4h", 4 * HOUR, 4 * HOUR),
        ("90m", timedelta(minutes=90), timedelta(minutes=90)),
        ("2d", 20 * HOUR, 48 * HOUR),
        ("1d 4h", 14 * HOUR, 28 * HOUR),
        ("1h30m", timedelta(minutes=90), timedelta(minutes=90)),
    ],
)
def test_days_are_working_days_of_the_calendar(text: str, office: timedelta, always: timedelta) -> None:
    assert Duration.parse(text).in_hours_of(OFFICE) == office
    assert Duration.parse(text).in_hours_of(ALWAYS) == always


def test_two_days_from_friday_are_due_on_tuesday_at_the_same_time() -> None:
    friday = datetime(2026, 7, 3, 12, 0, tzinfo=UTC)
    allowed = Duration.parse("2d").in_hours_of(OFFICE)
    assert OFFICE.due(friday, allowed) == datetime(2026, 7, 7, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "0m", "0d 0h", "4", "4 hours", "-1h", "1h 1d", "1.5h", "9999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as"):
        Duration.parse(text)


def test_targets_are_by_priority() -> None:
    target = SlaTargets.model_validate(TARGETS).target(Priority.P1, queue="billing")
    assert target == SlaTarget(first_response="15m", resolution="4h", calendar="always")
    assert SlaTargets.model_validate(TARGETS).target(Priority.P3, queue="billing").calendar == "office"


def test_a_tier_counts_over_a_queue_and_a_queue_over_the_rest() -> None:
    targets = SlaTargets.model_validate(TARGETS)
    queue = targets.target(Priority.P2, queue="privacy_legal")
    both = targets.target(Priority.P2, queue="privacy_legal", tier="enterprise")
    assert (queue.first_response, queue.resolution) == (Duration.parse("1h"), Duration.parse("3d"))
    assert (both.first_response, both.resolution) == (Duration.parse("30m"), Duration.parse("3d"))
    assert (queue.calendar, both.calendar) == ("office", "always")


def test_every_calendar_named_is_listed_with_its_place() -> None:
    assert list(SlaTargets.model_validate(TARGETS).calendars()) == [
        ("calendar", "office"),
        ("targets.P1.calendar", "always"),
        ("tiers.enterprise.P2.calendar", "always"),
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"targets": {"P1": {"first_response": "15m", "resolution": "4h"}}}, "P2 needs first_response"),
        ({"targets": {**TARGETS["targets"], "P4": {"first_response": "1d"}}}, "P4 needs first_response"),
        ({"queues": {"billing": {"P1": {}}}}, "it changes nothing"),
        ({"queues": {"billing": {"P1": {"first_response": 15}}}}, "15 is not a duration"),
        ({"tiers": {"gold": {"P7": {"resolution": "1h"}}}}, "P7"),
        ({"at_risk": 75}, "less than 1"),
        ({"target": {}}, "Extra inputs"),
    ],
)
def test_targets_that_cannot_be_kept_are_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SlaTargets.model_validate({**TARGETS, **change})


def test_a_clock_counts_only_in_the_hours() -> None:
    evening = MONDAY + 10 * HOUR  # 20:00 in Berlin
    clock = SlaClock.start(OFFICE, 20 * HOUR, at=MONDAY)
    assert clock.used(evening) == 8 * HOUR
    assert clock.remaining(evening) == 12 * HOUR
    assert clock.share_used(evening) == 0.4
    assert clock.due(evening) == MONDAY + timedelta(days=2)


def test_waiting_for_the_customer_does_not_count() -> None:
    clock = FOUR_HOURS.pause(MONDAY + HOUR).resume(MONDAY + 4 * HOUR)
    assert clock.used(MONDAY + 2 * HOUR) == HOUR
    assert clock.used(MONDAY + 5 * HOUR) == 2 * HOUR
    assert clock.due(MONDAY + 2 * HOUR) is None
    assert clock.due(MONDAY + 5 * HOUR) == MONDAY + 7 * HOUR


def test_the_past_is_told_as_it_was() -> None:
    clock = FOUR_HOURS.pause(MONDAY + HOUR)
    assert clock.state(MONDAY - HOUR) is None
    assert clock.state(MONDAY) is Step.STARTED
    assert clock.state(MONDAY + HOUR) is Step.PAUSED
    assert clock.used(MONDAY - HOUR) == timedelta(0)
    assert clock.due(MONDAY - HOUR) is None


def test_a_promise_is_broken_once_more_time_is_used_than_allowed() -> None:
    assert not FOUR_HOURS.breached(MONDAY + 4 * HOUR)
    assert FOUR_HOURS.breached(MONDAY + 4 * HOUR + timedelta(seconds=1))
    assert FOUR_HOURS.remaining(MONDAY + 5 * HOUR) == -HOUR


def test_a_promise_is_at_risk_from_a_share_of_its_time_until_it_is_broken_or_kept() -> None:
    assert not FOUR_HOURS.at_risk(MONDAY + 2 * HOUR)
    assert FOUR_HOURS.at_risk(MONDAY + 3 * HOUR)
    assert FOUR_HOURS.at_risk(MONDAY + 2 * HOUR, share=0.5)
    assert not FOUR_HOURS.at_risk(MONDAY + 5 * HOUR)
    assert not FOUR_HOURS.stop(MONDAY + 3 * HOUR).at_risk(MONDAY + 3 * HOUR)


def test_a_clock_that_waits_keeps_its_risk() -> None:
    assert FOUR_HOURS.pause(MONDAY + 3 * HOUR).at_risk(MONDAY + 9 * HOUR)


def test_what_was_too_late_stays_too_late() -> None:
    late = FOUR_HOURS.stop(MONDAY + 6 * HOUR)
    assert late.breached(MONDAY + timedelta(days=30))
    assert late.used(MONDAY + timedelta(days=30)) == 6 * HOUR
    assert late.due(MONDAY + timedelta(days=30)) == MONDAY + 4 * HOUR


def test_a_ticket_opened_again_runs_on_with_what_was_left() -> None:
    clock = FOUR_HOURS.stop(MONDAY + HOUR).resume(MONDAY + timedelta(days=1))
    assert clock.due(MONDAY + timedelta(days=1)) == MONDAY + timedelta(days=1, hours=3)
    assert clock.state(MONDAY + timedelta(days=2)) is Step.RESUMED


def test_a_pause_after_the_end_does_not_open_it_again() -> None:
    clock = FOUR_HOURS.stop(MONDAY + HOUR).pause(MONDAY + 2 * HOUR)
    assert clock.state(MONDAY + 3 * HOUR) is Step.STOPPED


def test_a_clock_needs_time_to_count() -> None:
    with pytest.raises(ValueError, match="needs time"):
        SlaClock.start(OFFICE, timedelta(0), at=MONDAY)


steps = st.sampled_from([Step.PAUSED, Step.RESUMED, Step.STOPPED])
events = st.lists(st.tuples(steps, st.integers(0, 6000)), max_size=6, unique_by=lambda event: event[1])


@given(events, st.randoms(use_true_random=False))
def test_the_order_in_which_events_arrive_does_not_matter(drawn: list[tuple[Step, int]], random: Any) -> None:
    happened = [SlaEvent(step, MONDAY + timedelta(minutes=1 + minute)) for step, minute in drawn]
    shuffled = list(happened)
    random.shuffle(shuffled)
    now = MONDAY + timedelta(days=7)
    one = SlaClock(OFFICE, 4 * HOUR, (*FOUR_HOURS.events, *happened))
    other = SlaClock(OFFICE, 4 * HOUR, (*shuffled, *FOUR_HOURS.events))
    assert (one.used(now), one.due(now), one.state(now)) == (
        other.used(now),
        other.due(now),
        other.state(now),
    )


@given(events, st.integers(0, 9000))
def test_a_clock_breaks_at_the_time_it_says(drawn: list[tuple[Step, int]], minute: int) -> None:
    happened = (SlaEvent(step, MONDAY + timedelta(minutes=at)) for step, at in drawn)
    clock = SlaClock(OFFICE, 4 * HOUR, (*FOUR_HOURS.events, *happened))
    now = MONDAY + timedelta(minutes=minute)
    due = clock.due(now)
    assert clock.remaining(now) == clock.allowed - clock.used(now)
    if due is not None and due <= now:
        assert clock.used(due) == clock.allowed
    if due is None or due > now:
        assert not clock.breached(now)
