import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.triage.triaged import triaged
from triage.dry_run import OTHER, Change, DryRun, Example, RoutableTicket, compare
from triage.labels import Priority, Signal
from triage.routing import Router
from triage.rules import parse_routing

NOON = datetime(2026, 7, 6, 10, 0, tzinfo=UTC)
RETENTION = {
    "name": "churn",
    "when": {"signal": "churn_risk", "at_least": 0.7},
    "then": {"queue": "retention", "priority": {"raise_by": 1}},
}
PATIENT = {"first_response": "4h", "resolution": "1d"}
SETTINGS: dict[str, Any] = {
    "calendars": {"always": {"timezone": "UTC", "hours": "always"}},
    "sla": {
        "calendar": "always",
        "targets": {
            "P1": PATIENT,
            "P2": {"first_response": "1h", "resolution": "1d"},
            "P3": PATIENT,
            "P4": PATIENT,
        },
    },
}


def router(*rules: dict[str, Any], **changes: Any) -> Router:
    return Router.of(parse_routing({**SETTINGS, "rules": list(rules), **changes}, source="test"))


def ticket(number: int, *, churn: float = 0.0, **further: Any) -> RoutableTicket:
    signals = {Signal.CHURN_RISK: churn} if churn else {}
    return RoutableTicket(f"T{number}", triaged(signals=signals), NOON, **further)


def many(count: int, *, leaving: int, **further: Any) -> Iterator[RoutableTicket]:
    for number in range(count):
        yield ticket(number, churn=0.8 if number < leaving else 0.0, **further)


@pytest.fixture(scope="module")
def churn_run() -> DryRun:
    return compare(many(5120, leaving=412), router(), router(RETENTION), examples=2)


def test_against_other_rules_every_change_is_counted_with_the_rule_responsible(churn_run: DryRun) -> None:
    run = churn_run
    assert (run.total, run.compared, run.moved, run.raised, run.lowered) == (5120, 5120, 412, 412, 0)
    assert run.queues == (
        Change(
            "billing",
            "retention",
            412,
            rules=(("churn", 412),),
            examples=(Example("T0", "churn"), Example("T1", "churn")),
        ),
    )
    first_response, resolution = run.dues
    assert (first_response.sooner, first_response.later) == (412, 0)
    assert first_response.mean_sooner == timedelta(hours=3)
    assert first_response.examples == (Example("T0", "churn"), Example("T1", "churn"))
    assert (resolution.sooner, resolution.later, resolution.examples) == (0, 0, ())


def test_it_is_told_in_words(churn_run: DryRun) -> None:
    assert churn_run.text().splitlines() == [
        "412 of 5,120 tickets would have gone elsewhere (8.0%).",
        '  billing -> retention: 412 by "churn" 412 (such as T0, T1)',
        "412 of 5,120 tickets would have been more urgent, 0 less urgent.",
        '  P3 -> P2: 412 by "churn" 412 (such as T0, T1)',
        "first response due: 412 sooner (mean 3.0 h) (such as T0, T1)",
    ]


def test_a_rule_taken_away_is_responsible_too() -> None:
    run = compare(many(10, leaving=4), router(RETENTION), router())
    assert [(change.before, change.after, change.rules) for change in run.queues] == [
        ("retention", "billing", (("churn", 4),))
    ]
    assert run.lowered == 4
    assert run.dues[0].later == 4
    assert run.dues[0].examples[0].rule == "churn"


def test_against_what_was_recorded_tickets_without_a_queue_are_left_out() -> None:
    tickets = [
        ticket(1, churn=0.9, queue="billing", priority=Priority.P3),
        ticket(2, queue="sales"),
        ticket(3, queue="billing", priority=Priority.P1),
        ticket(4, churn=0.9),
    ]
    run = compare(tickets, None, router(RETENTION))
    assert (run.total, run.compared, run.prioritised, run.moved) == (4, 3, 2, 2)
    assert [(change.before, change.after, change.rules) for change in run.queues] == [
        ("billing", "retention", (("churn", 1),)),
        ("sales", "billing", ((None, 1),)),
    ]
    assert (run.raised, run.lowered, run.dues) == (1, 1, ())
    assert run.text().splitlines()[:2] == [
        "2 of 3 tickets would have gone elsewhere (66.7%).",
        "1 ticket had no queue to compare with.",
    ]
    assert "  sales -> billing: 1 by no rule 1 (such as T2)" in run.text()


def test_changes_come_most_frequent_first_and_name_the_rules_that_did_most() -> None:
    rules = [
        {"name": f"rule {letter}", "when": {"fact": "kind", "equals": letter}, "then": {"queue": "sales"}}
        for letter in "abcde"
    ]
    tickets = [
        ticket(number, queue="billing", facts={"kind": kind}) for number, kind in enumerate("aaabbbbccde")
    ]
    run = compare([*tickets, ticket(99, queue="zoo")], None, router(*rules), examples=0)
    assert [change.before for change in run.queues] == ["billing", "zoo"]
    assert run.queues[0].rules[:2] == (("rule b", 4), ("rule a", 3))
    assert '11 by "rule b" 4, "rule a" 3, "rule c" 2, 2 more' in run.text()


def test_promises_made_and_dropped_are_told() -> None:
    close = {"name": "done", "when": {"signal": "churn_risk"}, "then": {"close": True}}
    dropped = compare(many(3, leaving=2), router(), router(close))
    made = compare(many(3, leaving=2), router(close), router())
    assert (dropped.dues[0].dropped, made.dues[0].made) == (2, 2)
    assert "first response due: 2 no longer promised (such as T0, T1)" in dropped.text()
    assert "resolution due: 2 promised anew (such as T0, T1)" in made.text()


def test_the_cause_of_another_due_time_is_the_promise_the_priority_or_the_queue() -> None:
    leaving = {"signal": "churn_risk"}
    faster = {"name": "faster", "when": leaving, "then": {"sla": {"resolution": "1h"}}}
    moved = {"name": "moved", "when": leaving, "then": {"queue": "sales"}}
    by_queue = {"sla": {**SETTINGS["sla"], "queues": {"sales": {"P3": {"resolution": "2h"}}}}}
    quick = {"first_response": "4h", "resolution": "2h"}
    strict = {"sla": {**SETTINGS["sla"], "targets": {**SETTINGS["sla"]["targets"], "P2": quick}}}
    strict_for_all = {"sla": {**SETTINGS["sla"], "targets": dict.fromkeys(Priority, quick)}}
    for other, rule in (
        (router(faster), "faster"),
        (router(RETENTION, **strict), "churn"),
        (router(moved, **by_queue), "moved"),
        (router(**strict_for_all), None),
    ):
        resolution = compare(many(1, leaving=1), router(), other).dues[1]
        assert resolution.sooner + resolution.later == 1
        assert resolution.examples == (Example("T0", rule),)


def test_a_short_wait_is_told_in_minutes() -> None:
    sooner = {"name": "chat", "when": {"channel": "chat"}, "then": {"sla": {"first_response": "3h50m"}}}
    run = compare(many(1, leaving=0, channel="chat"), router(), router(sooner))
    assert "first response due: 1 sooner (mean 10 min) (such as T0)" in run.text()


def test_nothing_to_compare_is_said() -> None:
    assert compare([], router(), router()).text() == "0 of 0 tickets would have gone elsewhere."
    assert compare(many(1, leaving=0), router(), router()).text() == (
        "0 of 1 ticket would have gone elsewhere (0.0%)."
    )


def test_free_text_in_the_queue_column_does_not_fill_the_memory() -> None:
    run = compare((ticket(number, queue=f"text {number}") for number in range(1000)), None, router())
    assert run.moved == 1000
    assert len(run.queues) == 301
    assert (run.queues[0].before, run.queues[0].count) == (OTHER, 700)


def test_memory_does_not_grow_with_the_tickets() -> None:
    current, proposed = router(), router(RETENTION)

    def peak(count: int) -> int:
        tracemalloc.start()
        compare(many(count, leaving=count), current, proposed)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few = peak(100)
    assert peak(600) < few + 50_000  # 500 tickets kept would be 650 kB
