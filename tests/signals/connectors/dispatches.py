"""Dispatches to try connectors with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kit.ids import DEFAULT_WORKSPACE, CustomerId, SignalId
from signals.connectors.connector import Contact, Dispatch
from signals.signal import Quote, Signal, SignalKind, Team

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
QUOTES = (
    Quote("the price is too high", 4, 25, 0.3),
    Quote("I will leave for a competitor", 30, 59, 0.7),
)


def contact(number: int = 1) -> Contact:
    return Contact(
        CustomerId(f"cus_{number}"),
        email=f"ada.{number}@example.com",
        phone="+441632960001",
        first_name="Ada",
        last_name="Byron",
        company="Analytical Engines",
        attributes={"plan": "Fibre 250", "country": "GB"},
    )


def signal(
    number: int = 1, *, customer: int = 1, kind: SignalKind = SignalKind.CHURN_RISK, revision: int = 1
) -> Signal:
    return Signal(
        SignalId(f"sig_{number}"),
        DEFAULT_WORKSPACE,
        CustomerId(f"cus_{customer}"),
        kind,
        0.87,
        QUOTES,
        "triage",
        "marks-1",
        Team.SALES if kind in {SignalKind.UPSELL, SignalKind.PURCHASE_INTENT} else Team.CUSTOMER_SUCCESS,
        AT,
        AT + timedelta(minutes=revision),
        AT + timedelta(days=14),
        link="https://careloop.example.com/conversations/con_1",
        next_action=f"Call today, version {revision}",
        owner="sam@example.com",
        score=82.0,
        occurrences=revision,
        revision=revision,
    )


def dispatch(
    number: int = 1, *, customer: int = 1, kind: SignalKind = SignalKind.CHURN_RISK, revision: int = 1
) -> Dispatch:
    told = signal(number, customer=customer, kind=kind, revision=revision)
    return Dispatch(f"dis_{number}_{revision}", told, contact(customer), told.updated_at)


def without_email(told: Dispatch) -> Dispatch:
    return replace(told, contact=replace(told.contact, email=None))
