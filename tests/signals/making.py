"""Signals and their parts, for tests of what is done with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kit.ids import DEFAULT_WORKSPACE, CustomerId
from signals.signal import Quote, Signal, SignalKind, Team
from signals.store import new_signal_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANN = CustomerId("cust_ann")
BOB = CustomerId("cust_bob")


def signal(kind: SignalKind = SignalKind.CHURN_RISK, probability: float = 0.8, **changes: Any) -> Signal:
    """A signal of Ann's that says "cancel my line" and lasts thirty days."""
    made = Signal(
        id=new_signal_id(),
        workspace_id=DEFAULT_WORKSPACE,
        customer_id=ANN,
        kind=kind,
        probability=probability,
        evidence=(Quote("cancel my line", 0, 14, 1.0),),
        source="triage",
        model="m1",
        team=Team.CUSTOMER_SUCCESS,
        created_at=NOW,
        updated_at=NOW,
        expires_at=NOW + timedelta(days=30),
    )
    return replace(made, **changes)
