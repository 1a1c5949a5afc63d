from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bench.delivery import Size, run
from bench.delivery_told import Told
from bench.delivery_verdict import Verdict, disorder
from kit.ids import CustomerId, SignalId

TARGETS = ("salesforce", "hubspot", "marketo", "mailchimp", "segment", "webhook")
FINE = Verdict("crm", 9, 9, duplicates=0, disorder=0, dead=1, wrongly_dead=0, missing_dead=0, unended=0)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_signals_reach_targets_that_fail_once_and_in_order_though_the_worker_is_killed(
    tmp_path: Path,
) -> None:
    said = StringIO()
    size = Size(signals=20, kills=2, refused=0.25, patience=120, seed=1)
    assert size.targets == TARGETS
    found = await run(size, tmp_path, Console(file=said, width=200))
    assert found.fine, said.getvalue()
    assert {one.name: (one.reached, one.dead) for one in found.verdicts} == dict.fromkeys(TARGETS, (15, 5))
    assert "120 of 120 deliveries" in said.getvalue()


def test_what_arrives_after_a_later_one_of_its_customer_is_counted() -> None:
    ada, bob = CustomerId("ada"), CustomerId("bob")
    told = Told({ada: [SignalId("a1"), SignalId("a2"), SignalId("a3")], bob: [SignalId("b1")]})
    assert disorder(told, ["a1", "b1", "a2", "a3"]) == 0
    assert disorder(told, ["a2", "a1", "b1", "a3"]) == 1
    assert disorder(told, ["a3", "a1", "a2"]) == 2


@pytest.mark.parametrize(
    "wrong", ["duplicates", "disorder", "wrongly_dead", "missing_dead", "unended", "reached"]
)
def test_a_verdict_is_fine_only_where_nothing_is_wrong(wrong: str) -> None:
    assert FINE.fine
    assert not replace(FINE, **{wrong: 1}).fine  # type: ignore[arg-type]  # a number, whichever it is
