from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

from triage.label_changes import OTHER, Move, diff


def current(id_: str, queue: str | None, **more: object) -> dict[str, Any]:
    return {"id": id_, "current_queue": queue, "queue": "ignored", **more}


def labelled(id_: str | None, queue: str, **more: object) -> dict[str, Any]:
    return {"id": id_, "queue": queue, "intent": "any", "error": None, **more}


def test_changes_are_counted_from_and_to_with_examples() -> None:
    changes = diff(
        [
            *(current(f"a{at}", "general") for at in range(7)),
            current("b", "billing"),
            current("c", None),
            current("d", "sales"),
            current("gone", "sales"),
        ],
        [
            labelled("d", "", error="text is empty"),
            *(labelled(f"a{at}", "billing") for at in range(7)),
            labelled("c", "billing"),
            labelled("b", "billing"),
            labelled("fresh", "billing"),
        ],
        examples=3,
    )
    assert (changes.paired, changes.broken, changes.only_current, changes.only_new) == (9, 1, 1, 1)
    [queue] = changes.labels
    assert (queue.label, queue.compared, queue.changed) == ("queue", 9, 8)
    assert queue.moves == (
        Move("general", "billing", 7, ("a0", "a1", "a2")),
        Move("(none)", "billing", 1, ("c",)),
    )
    assert changes.text().splitlines() == [
        "9 rows compared.",
        "1 could not be triaged.",
        "1 have no new labels.",
        "1 have no labels to compare with.",
        "queue: 8 of 9 would change.",
        "  general -> billing: 7 (such as a0, a1, a2)",
        "  (none) -> billing: 1 (such as c)",
    ]


def test_an_earlier_output_is_compared_label_by_label() -> None:
    before = [labelled("1", "billing", signals="upsell;churn_risk"), labelled("2", "sales", signals="")]
    after = [labelled("1", "billing", signals=["churn_risk", "upsell"]), labelled("2", "billing", signals=[])]
    changes = {label.label: label.changed for label in diff(before, after).labels}
    assert changes == {"intent": 0, "queue": 1, "signals": 0}


def test_rows_without_ids_belong_together_by_their_order() -> None:
    changes = diff(
        [{"current_queue": "a"}, {"current_queue": "b"}], [labelled(None, "a"), labelled(None, "c")]
    )
    assert changes.labels[0].moves == (Move("b", "c", 1, ("row 2",)),)


def test_an_id_that_comes_twice_is_paired_in_order() -> None:
    changes = diff([current("x", "a"), current("x", "b")], [labelled("x", "a"), labelled("x", "b")])
    assert changes.labels[0].changed == 0


def test_free_text_in_a_label_column_is_bounded() -> None:
    rows = 3000
    changes = diff(
        (current(str(at), f"free text {at}") for at in range(rows)),
        (labelled(str(at), "billing") for at in range(rows)),
    )
    [queue] = changes.labels
    assert queue.changed == rows
    assert queue.moves[0].before == OTHER
    assert len(queue.moves) < 1010


def test_two_streams_in_one_order_are_not_kept() -> None:
    def rows(count: int, *, now: bool) -> Iterator[dict[str, Any]]:
        return (current(str(at), "a") if now else labelled(str(at), "b") for at in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        assert diff(rows(count, now=True), rows(count, now=False)).paired == count
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    assert peak(20_000) < 1.5 * peak(500)
