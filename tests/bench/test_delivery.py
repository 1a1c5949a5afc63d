from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bench.delivery import Size, run


@pytest.mark.slow
async def test_signals_reach_targets_that_fail_once_and_in_order_though_the_worker_is_killed(
    tmp_path: Path,
) -> None:
    said = Console(file=StringIO())
    size = Size(signals=60, kills=2, targets=("salesforce", "webhook"), refused=0.1, patience=100, seed=1)
    verdicts = await run(size, tmp_path, said)
    assert [one for one in verdicts if not one.fine] == []
    assert {one.name: (one.reached, one.dead) for one in verdicts} == {
        "salesforce": (55, 5),
        "webhook": (55, 5),
    }
