from __future__ import annotations

from pathlib import Path

import pytest

from bench.latency import measure


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_server_tells_connectors_in_its_own_process_what_a_customer_said(tmp_path: Path) -> None:
    found = measure(tmp_path / "data", "SQLite", {}, messages=3, at_once=1)
    assert found.expected >= 2
    assert found.lost == 0
    assert set(found.seconds) == {"webhook", "hubspot"}
    log = (tmp_path / "data.log").read_text()
    assert "Stopped." in log
    assert "Traceback" not in log
