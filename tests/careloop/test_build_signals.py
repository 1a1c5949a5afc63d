"""Signals as the settings make them: from what a visitor writes to what sales reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from bot.turn_signals import TurnSignals
from careloop.build import Parts, build, encryption_key
from careloop.build_delivery import build_nurture_outbox
from careloop.build_signals import build_signals, turn_signals
from careloop.settings import ConnectorEntry, EncoderSettings, Settings, SignalSettings, TriageSettings
from customers import CustomerBook, Identity, IdentityKind
from kit.clock import ManualClock, SystemClock
from kit.ids import DEFAULT_WORKSPACE
from signals.customer import KnownCustomer
from signals.detection import Heard
from signals.errors import SignalDataInvalid
from signals.signal import SignalKind
from signals.store import SignalFilter
from store.encryption import Cipher
from store.engine import Database
from store.tables import deliveries
from tests.conftest import ROOT
from tests.triage.triaged import triaged
from triage.labels import Signal as Said
from triage.message import Message
from triage.tickets import NewTicket

pytestmark = pytest.mark.anyio
LEAVING = "This is the last straw, I am cancelling my broadband and moving to another provider."


def _settings(folder: Path, **changes: object) -> Settings:
    encoder = EncoderSettings(cache_dir=ROOT / "var" / "models")
    return Settings(_env_file=None, data_dir=folder, encoder=encoder, **changes)  # type: ignore[arg-type]


async def _meet(parts: Parts) -> None:
    """A customer who is known by the chat page and by e-mail."""
    book = CustomerBook(parts.cipher, encryption_key(parts.settings))
    who = [Identity(IdentityKind.VISITOR, "visitor_1"), Identity(IdentityKind.EMAIL, "jo@example.org")]
    async with parts.database.write() as connection:
        await book.registry.resolve(connection, DEFAULT_WORKSPACE, who, now=parts.clock.now())


async def test_a_visitor_who_may_leave_is_a_signal_and_so_is_a_ticket(tmp_path: Path) -> None:
    settings = _settings(tmp_path, signals=SignalSettings(public_url="https://care.example"))
    async with build(settings) as parts:
        assert parts.signals is not None
        assert parts.triage is not None
        await _meet(parts)
        known = await parts.assistant.open(DEFAULT_WORKSPACE, visitor_id="visitor_1")
        stranger = await parts.assistant.open(DEFAULT_WORKSPACE, visitor_id="visitor_2")
        for conversation in (known, stranger):
            await parts.assistant.send(DEFAULT_WORKSPACE, conversation.id, LEAVING)
        await parts.assistant.stop()
        matching = SignalFilter(kind=SignalKind.CHURN_RISK)
        async with parts.database.read() as connection:
            (found,) = await parts.signals.store.page(connection, DEFAULT_WORKSPACE, matching=matching)
        assert found.link == f"https://care.example/v1/conversations/{known.id}"
        assert found.evidence
        assert all(LEAVING[quote.start : quote.end] == quote.text for quote in found.evidence)
        now = parts.clock.now()
        (said,), _ = await parts.triage.triagers.triage(
            DEFAULT_WORKSPACE, [Message(LEAVING)], evidence=True, today=now.date()
        )
        async with parts.database.write() as connection:
            new = NewTicket("test", "1", LEAVING, customer={"email": "Jo@example.org"})
            ticket, _ = await parts.triage.tickets.create_or_get(connection, DEFAULT_WORKSPACE, new, at=now)
            await parts.triage.tickets.set_labels(
                connection, DEFAULT_WORKSPACE, ticket.id, triage=said, at=now
            )
            (again,) = await parts.signals.store.page(connection, DEFAULT_WORKSPACE, matching=matching)
        assert (again.id, again.occurrences) == (found.id, 2)


def _built(settings: Settings) -> object:
    cipher, key = Cipher(bytes(32)), bytes(32)
    return build_signals(settings, CustomerBook(cipher, key), cipher, clock=SystemClock())


def test_without_triage_or_where_they_are_off_there_are_none(tmp_path: Path) -> None:
    assert _built(_settings(tmp_path, signals=SignalSettings(enabled=False))) is None
    assert _built(_settings(tmp_path, triage=TriageSettings(enabled=False))) is None
    assert _built(_settings(tmp_path)) is not None


def test_rules_that_cannot_be_used_are_said_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("teams: {}")
    with pytest.raises(SignalDataInvalid, match="teams lacks churn_risk"):
        _built(_settings(tmp_path, signals=SignalSettings(routing=file)))
    with pytest.raises(SignalDataInvalid, match="cannot be read"):
        _built(_settings(tmp_path, signals=SignalSettings(catalogue=tmp_path / "none.yaml")))


async def test_a_signal_lets_into_a_sequence_whose_tool_is_on(
    database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    said = {"api_key": "0123456789abcdef0123456789abcdef-us21", "audience_id": "abc123"}
    for connectors, expected in (
        ({"mailchimp": ConnectorEntry(kind="mailchimp", settings=said)}, [("mailchimp", "enrol")]),
        ({}, []),
    ):
        settings, cipher = _settings(tmp_path, connectors=connectors), Cipher(bytes(32))
        book = CustomerBook(cipher, bytes(32))
        outbox = build_nurture_outbox(settings, cipher, clock)
        parts = build_signals(settings, book, cipher, clock=clock, nurture_outbox=outbox)
        assert parts is not None
        async with database.write() as connection:
            who = [Identity(IdentityKind.EMAIL, f"jo{len(connectors)}@example.org")]
            jo = await book.registry.resolve(connection, DEFAULT_WORKSPACE, who, now=clock.now())
            known = KnownCustomer(jo.customer.id, {}, may_be_nurtured=True)
            heard = Heard(f"msg_{len(connectors)}", triaged(signals={Said.ADVOCACY: 0.9}), "Try them!")
            await parts.intake.take(connection, DEFAULT_WORKSPACE, known, heard, at=clock.now())
            told = await connection.execute(
                select(deliveries.c.connector, deliveries.c.command).where(
                    deliveries.c.customer_id == jo.customer.id
                )
            )
            assert [tuple(row) for row in told] == expected


def test_turns_link_to_the_server(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    parts = build_signals(
        settings, CustomerBook(Cipher(bytes(32)), bytes(32)), Cipher(bytes(32)), clock=SystemClock()
    )
    assert parts is not None
    assert isinstance(turn_signals(settings, parts), TurnSignals)
