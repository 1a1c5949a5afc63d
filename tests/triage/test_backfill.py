from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from triage.backfill import (
    OTHER,
    BackfillJournal,
    Labelled,
    Labels,
    Move,
    diff,
    undo,
)
from triage.errors import FileUnreadable

NEW: dict[str, Any] = {"queue": "billing", "signals": ("churn_risk",)}


class Tickets:
    """Tickets in memory; ``breaks_at`` is the ticket at which the process dies before it is changed."""

    def __init__(self, labels: dict[str, Labelled | None], *, breaks_at: str | None = None) -> None:
        self.labels = labels
        self.breaks_at = breaks_at

    def labels_of(self, ticket_id: str) -> Labelled | None:
        return self.labels[ticket_id]

    def set_labels(self, ticket_id: str, labels: Labels, model: str | None) -> None:
        if ticket_id == self.breaks_at:
            raise KeyboardInterrupt
        self.labels[ticket_id] = Labelled(labels, model) if labels else None


def tickets() -> Tickets:
    return Tickets(
        {
            "1": Labelled({"queue": "general"}, "old"),
            "2": None,
            "3": Labelled({"queue": "sales"}),
            "4": Labelled({"queue": "billing", "signals": ["churn_risk"]}, "new"),
        }
    )


def run(store: Tickets, path: Path, *, model: str = "new") -> tuple[int, int]:
    return BackfillJournal(path).backfill([(each, NEW) for each in "1234"], store, model=model)


def test_a_backfill_is_taken_back_to_what_was_before(tmp_path: Path) -> None:
    store, path = tickets(), tmp_path / "journal.jsonl"
    assert run(store, path) == (3, 1)
    assert store.labels["2"] == Labelled(NEW, "new")
    done = undo(BackfillJournal(path), store)
    assert (done.restored, done.unchanged, done.changed_since, done.missing) == (("3", "2", "1"), (), (), ())
    assert store.labels == tickets().labels


def test_what_people_changed_since_stays_and_is_told(tmp_path: Path) -> None:
    store, path = tickets(), tmp_path / "journal.jsonl"
    run(store, path)
    store.set_labels("1", {"queue": "legal"}, None)
    store.set_labels("3", NEW, "newer")
    del store.labels["2"]
    done = undo(BackfillJournal(path), store)
    assert (done.restored, sorted(done.changed_since), done.missing) == ((), ["1", "3"], ("2",))
    assert store.labels["1"] == Labelled({"queue": "legal"})
    assert store.labels["3"] == Labelled(NEW, "newer")


def test_a_backfill_that_died_goes_on_and_can_be_taken_back(tmp_path: Path) -> None:
    store, path = tickets(), tmp_path / "journal.jsonl"
    store.breaks_at = "2"
    with pytest.raises(KeyboardInterrupt):
        run(store, path)
    with path.open("ab") as file:
        file.write(b'{"ticket": "3", "bef')
    store.breaks_at = None
    assert run(store, path) == (2, 2)
    assert set(undo(BackfillJournal(path), store).restored) == {"1", "2", "3"}
    assert store.labels == tickets().labels


def test_an_undo_that_died_goes_on(tmp_path: Path) -> None:
    store, path = tickets(), tmp_path / "journal.jsonl"
    run(store, path)
    store.breaks_at = "2"
    with pytest.raises(KeyboardInterrupt):
        undo(BackfillJournal(path), store)
    store.breaks_at = None
    done = undo(BackfillJournal(path), store)
    assert (done.restored, done.unchanged) == (("2", "1"), ("3",))
    assert store.labels == tickets().labels


def test_two_backfills_in_one_journal_are_taken_back_newest_first(tmp_path: Path) -> None:
    store, path = tickets(), tmp_path / "journal.jsonl"
    run(store, path)
    run(store, path, model="newer")
    seen: list[int] = []
    done = undo(BackfillJournal(path), store, advance=seen.append)
    assert set(done.restored) == {"1", "2", "3", "4"}
    assert sum(seen) == 7
    assert store.labels == tickets().labels


@pytest.mark.parametrize(
    "line", ["nothing", '{"ticket": "1"}', '{"ticket":"1","before":null,"after":{"a":1}}']
)
def test_a_line_that_is_no_entry_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(FileUnreadable, match="line 1 is no entry"):
        undo(BackfillJournal(path), tickets())


def test_no_journal_no_undo(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="No such file"):
        undo(BackfillJournal(tmp_path / "nowhere.jsonl"), tickets())


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
