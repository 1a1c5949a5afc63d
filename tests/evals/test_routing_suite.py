from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.errors import DatasetInvalid
from evals.suites.routing import (
    OWN_TICKETS,
    LabelledTicket,
    Routed,
    evaluate_routing,
    evaluate_routing_folds,
    load_tickets,
    measure,
)
from inference.encoder import OpenVinoEncoder
from tests.conftest import ROOT
from tests.triage.shop import messages
from tests.triage.ticket_shop import ROUTER, shop_triager
from tests.triage.tiny_models import ENCODER, full_name, tiny_models
from triage.errors import FileUnreadable
from triage.labelled import read_labelled
from triage.labels import Priority
from triage.models import prepare_models
from triage.routing import Router
from triage.rules import read_routing
from triage.taxonomy import read_taxonomy, shipped
from triage.text_hash import normalised
from triage.triager import Triager


def routed(
    belongs: str,
    goes: str,
    *,
    automatic: bool = True,
    rule: bool = False,
    priority: tuple[Priority, Priority] | None = None,
) -> Routed:
    true, given = priority or (None, Priority.P3)
    return Routed(LabelledTicket("a ticket", belongs, true), goes, given, automatic, rule)


def test_errors_count_among_what_goes_by_itself() -> None:
    found = [
        *[routed("billing", "billing")] * 8,
        routed("billing", "sales", rule=True),
        routed("sales", "sales", rule=True),
        *[routed("sales", "billing", automatic=False)] * 2,
    ]
    measures = measure(found, risk=0.05)
    metrics, intervals = measures.metrics, measures.intervals
    assert metrics["queue_accuracy"] == pytest.approx(9 / 12)
    assert (metrics["automatic.share"], metrics["automatic.error"]) == (10 / 12, 1 / 10)
    assert (metrics["by_rule.share"], metrics["by_rule.error"]) == (2 / 12, 1 / 2)
    # Clopper and Pearson's interval of 1 in 10, from their paper's chart and R's binom.test
    assert intervals["automatic.error"] == pytest.approx((0.00253, 0.44502), abs=1e-4)
    assert metrics["precision.billing"] == 8 / 10
    assert metrics["recall.sales"] == 1 / 3
    assert metrics["risk"] == 0.05
    assert {name: value for name, value in metrics.items() if name.startswith("confused.")} == {
        "confused.sales > billing": 2,
        "confused.billing > sales": 1,
    }
    assert "priority_kappa" not in metrics


def test_priorities_agree_by_their_distance() -> None:
    levels = list(Priority)
    perfect = [routed("a", "a", priority=(level, level)) for level in levels]
    metrics = measure(perfect, risk=0.05).metrics
    assert (metrics["priority_kappa"], metrics["p1_recall"], metrics["p1_precision"]) == (1, 1, 1)
    near = [*perfect, routed("a", "a", priority=(Priority.P1, Priority.P2))]
    far = [*perfect, routed("a", "a", priority=(Priority.P1, Priority.P4))]
    near_metrics, far_metrics = (measure(each, risk=0.05).metrics for each in (near, far))
    assert 1 > near_metrics["priority_kappa"] > far_metrics["priority_kappa"] > 0
    assert near_metrics["p1_recall"] == 0.5
    one_level = [routed("a", "a", priority=(Priority.P3, Priority.P3))]
    assert "priority_kappa" not in measure(one_level, risk=0.05).metrics


def test_nothing_that_goes_by_itself_goes_wrong() -> None:
    metrics = measure([routed("a", "a", automatic=False)], risk=0.05).metrics
    assert metrics["automatic.share"] == 0
    assert "automatic.error" not in metrics


def test_tickets_go_through_the_pass_and_the_rules() -> None:
    tickets = [
        LabelledTicket(one.text, full_name(one.label).partition(".")[0]) for one in messages(12, seed=4)
    ]
    steps: list[int] = []
    report = evaluate_routing("shop", tickets, shop_triager(), ROUTER, risk=0.05, advance=steps.append)
    assert (report.suite, report.data, report.n, sum(steps)) == ("routing", "shop", 72, 72)
    assert report.metrics["queue_accuracy"] > 0.6
    assert "by_rule.share" not in report.metrics
    bare = evaluate_routing("shop", tickets, shop_triager(), None, risk=0.05)
    assert bare.metrics == report.metrics


def test_old_tickets_are_lesson_and_test_fold_by_fold() -> None:
    tickets = [LabelledTicket(one.text, one.label) for one in messages(40, seed=4)]
    report = evaluate_routing_folds("shop", tickets, tiny_models().marks, ENCODER, risk=0.1, folds=3)
    assert report.n == len(tickets)
    assert report.metrics["queue_accuracy"] > 0.9
    assert report.metrics["automatic.share"] > 0.5
    assert report.metrics["automatic.error"] < 0.1


def test_a_set_is_read_by_the_names_of_its_columns(tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text("body,team,urgency\nwhere is it,logistics,P2\nhelp,sales,P3\n")
    found = load_tickets(file, text="body", queue="team", priority="urgency")
    assert found == [
        LabelledTicket("where is it", "logistics", Priority.P2),
        LabelledTicket("help", "sales", Priority.P3),
    ]
    lines = tmp_path / "old.jsonl"
    lines.write_text(json.dumps({"text": "help", "queue": "sales"}) + "\n")
    assert load_tickets(lines) == [LabelledTicket("help", "sales")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("text,queue,priority\na,,P1\n", "row 2: queue is empty"),
        ("text,queue,priority\n ,b,P1\na,b,urgent\n", "row 2: text is empty; row 3: priority is none of P1"),
        ("text,queue,priority\na,b\n", "row 2: it has fewer cells"),
        ("text,queue,priority\n", "has no rows"),
    ],
)
def test_broken_rows_are_named(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "old.csv"
    file.write_text(content)
    with pytest.raises(DatasetInvalid, match=says):
        load_tickets(file, priority="priority")
    with pytest.raises(FileUnreadable, match="no column team"):
        load_tickets(file, queue="team")


def test_our_own_tickets_are_labelled_with_what_there_is_and_held_out() -> None:
    tickets = load_tickets(OWN_TICKETS, priority="priority")
    telecom = read_taxonomy(shipped()["telecom"])
    assert {ticket.queue for ticket in tickets} == {queue.name for queue in telecom.queues}
    texts = {normalised(ticket.text) for ticket in tickets}
    assert len(texts) == len(tickets) >= 140
    known = {normalised(message.text) for message in read_labelled()}
    for file in shipped().values():
        taxonomy = read_taxonomy(file)
        known |= {normalised(example.text) for example in taxonomy.examples()}
        known |= {normalised(marked.text) for marked in taxonomy.marked()}
    assert texts.isdisjoint(known)


def test_our_own_tickets_go_where_they_belong(real_encoder: OpenVinoEncoder) -> None:
    telecom = read_taxonomy(shipped()["telecom"])
    triager = Triager(
        prepare_models(telecom, real_encoder, ROOT / "var" / "models"), real_encoder, intents=telecom.leaves
    )
    rules = read_routing(shipped()["telecom"].with_suffix(".routing.yaml"), intents=telecom.intent_names)
    tickets = load_tickets(OWN_TICKETS, priority="priority")
    report = evaluate_routing("own", tickets, triager, Router.of(rules), risk=0.05)
    assert report.metrics["queue_accuracy"] >= 0.9
    assert report.metrics["automatic.share"] >= 0.6
    assert report.intervals["automatic.error"][0] <= 0.05
    assert report.metrics["priority_kappa"] >= 0.7
