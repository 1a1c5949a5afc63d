from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from kit.clock import ManualClock
from kit.ids import WorkspaceId
from store.encryption import Cipher
from store.engine import Database
from store.tables import corrections, tickets
from tests.triage.triaged import triaged
from triage.corrections import Correction, CorrectionId, CorrectionSource, LabelKind, TicketId
from triage.errors import CorrectionsInvalid, UnknownCorrection, UnknownTicket
from triage.labels import Certainty, Signal
from triage.text_hash import TextHash
from triage.tickets import NewTicket, Ticket, TicketFilter, TicketStore

KEY = bytes(range(32))
STORE = TicketStore(Cipher(KEY), TextHash(KEY))
NEW = NewTicket("desk", "1", "The lamp I got is broken.", subject="Broken lamp", customer={"tier": "gold"})


async def created(
    database: Database, workspace: WorkspaceId, clock: ManualClock, ticket: NewTicket = NEW
) -> Ticket:
    async with database.write() as connection:
        return (await STORE.create_or_get(connection, workspace, ticket, at=clock.now()))[0]


async def correct(
    database: Database,
    ticket: Ticket,
    clock: ManualClock,
    became: str | None,
    *,
    kind: LabelKind = LabelKind.INTENT,
    was: str | None = None,
) -> tuple[Ticket, Correction]:
    clock.advance(timedelta(minutes=1))
    async with database.write() as connection:
        return await STORE.correct(
            connection,
            ticket.workspace_id,
            ticket.id,
            kind=kind,
            became=became,
            was=was,
            who="ada",
            source=CorrectionSource.API,
            at=clock.now(),
        )


async def test_the_same_external_id_is_the_same_ticket(
    each_database: Database, workspace: WorkspaceId, other_workspace: WorkspaceId, clock: ManualClock
) -> None:
    async with each_database.write() as connection:
        first, made = await STORE.create_or_get(connection, workspace, NEW, at=clock.now())
        again, made_again = await STORE.create_or_get(
            connection, workspace, replace(NEW, text="something else"), at=clock.now()
        )
    other = await created(each_database, workspace, clock, replace(NEW, source="mail"))
    elsewhere = await created(each_database, other_workspace, clock)
    assert (made, made_again) == (True, False)
    assert again == first
    assert len({first.id, other.id, elsewhere.id}) == 3
    async with each_database.read() as connection:
        assert await STORE.get(connection, workspace, first.id) == first
        with pytest.raises(UnknownTicket):
            await STORE.get(connection, workspace, elsewhere.id)


async def test_texts_are_encrypted_and_their_hash_needs_the_key(
    each_database: Database, workspace: WorkspaceId, clock: ManualClock
) -> None:
    ticket = await created(each_database, workspace, clock)
    await correct(each_database, ticket, clock, "damage")
    async with each_database.read() as connection:
        rows = [*await connection.execute(select(tickets)), *await connection.execute(select(corrections))]
    assert not any(b"lamp" in bytes(value) for row in rows for value in row if isinstance(value, bytes))
    assert rows[0].text_hash == rows[1].text_hash == TextHash(KEY).of(ticket.read)
    assert rows[0].text_hash != TextHash(bytes(32)).of(ticket.read)


async def test_labels_hold_no_word_of_the_message(
    each_database: Database, workspace: WorkspaceId, clock: ManualClock
) -> None:
    ticket = await created(each_database, workspace, clock)
    said = replace(triaged(signals={Signal.CHURN_RISK: 0.9}), model="20260101-abc")
    async with each_database.write() as connection:
        found = await STORE.set_labels(connection, workspace, ticket.id, triage=said, at=clock.now())
    async with each_database.read() as connection:
        assert await STORE.get(connection, workspace, ticket.id) == found
    assert (found.intent, found.queue, found.certainty) == (
        "billing.refund_request",
        "billing",
        Certainty.SURE,
    )
    assert found.model == "20260101-abc"
    assert found.labels["signals"][0]["name"] == "churn_risk"
    assert found.labels["intent"]["evidence"] == [{"start": 0, "end": 6, "weight": 1.0}]
    assert "text" not in str(found.labels)


async def test_what_people_say_holds_over_the_model(
    each_database: Database, workspace: WorkspaceId, clock: ManualClock
) -> None:
    ticket = await created(each_database, workspace, clock)
    async with each_database.write() as connection:
        await STORE.set_labels(
            connection, workspace, ticket.id, triage=triaged(certainty=Certainty.NOT_SURE), at=clock.now()
        )
    labelled, first = await correct(each_database, ticket, clock, "damage")
    assert (first.was, first.became, first.text) == ("billing.refund_request", "damage", ticket.read)
    assert (labelled.intent, labelled.certainty) == ("damage", Certainty.SURE)
    outside, second = await correct(each_database, ticket, clock, "oos")
    assert (second.was, outside.certainty) == ("damage", Certainty.OUT_OF_SCOPE)
    assert second.id is not None
    assert first.id is not None
    assert second.id > first.id
    async with each_database.write() as connection:
        again = await STORE.set_labels(connection, workspace, ticket.id, triage=triaged(), at=clock.now())
    assert again.intent == "oos"


async def test_signals_are_added_and_taken_away(
    each_database: Database, workspace: WorkspaceId, clock: ManualClock
) -> None:
    ticket = await created(each_database, workspace, clock)
    await correct(each_database, ticket, clock, "upsell", kind=LabelKind.SIGNAL)
    found, _ = await correct(each_database, ticket, clock, None, kind=LabelKind.SIGNAL, was="churn_risk")
    assert found.final_labels == {"signal": {"upsell": True, "churn_risk": False}}
    with pytest.raises(CorrectionsInvalid, match="no signal"):
        await correct(each_database, ticket, clock, "boredom", kind=LabelKind.SIGNAL)


async def test_a_withdrawn_correction_stays_and_counts_for_nothing(
    each_database: Database, workspace: WorkspaceId, other_workspace: WorkspaceId, clock: ManualClock
) -> None:
    ticket = await created(each_database, workspace, clock)
    _, first = await correct(each_database, ticket, clock, "damage")
    _, second = await correct(each_database, ticket, clock, "refund")
    assert second.id is not None
    async with each_database.write() as connection:
        withdrawn = await STORE.withdraw(connection, workspace, second.id, at=clock.now())
        with pytest.raises(UnknownCorrection):
            await STORE.withdraw(connection, other_workspace, second.id, at=clock.now())
        with pytest.raises(UnknownCorrection):
            await STORE.withdraw(connection, workspace, CorrectionId(999), at=clock.now())
        with pytest.raises(UnknownCorrection, match="of the ticket"):
            await STORE.withdraw(
                connection, workspace, second.id, ticket=TicketId("tkt_other"), at=clock.now()
            )
    async with each_database.read() as connection:
        assert (await STORE.get(connection, workspace, ticket.id)).intent == "damage"
        counting = await STORE.corrections.of_kind(connection, workspace, LabelKind.INTENT)
        everything = await STORE.corrections.of_ticket(connection, workspace, ticket.id)
        by_id = await STORE.corrections.counting(connection, workspace, LabelKind.INTENT)
    assert withdrawn.withdrawn_at == clock.now()
    assert counting == [first]
    assert by_id == {first.id: True, second.id: False}
    assert everything == [first, withdrawn]


async def test_a_list_is_filtered_and_goes_on_where_it_stopped(
    each_database: Database, workspace: WorkspaceId, other_workspace: WorkspaceId, clock: ManualClock
) -> None:
    made = []
    for number in range(5):
        ticket = await created(each_database, workspace, clock, replace(NEW, external_id=f"n{number}"))
        made.append(ticket.id)
        clock.advance(timedelta(hours=1))
    await created(each_database, other_workspace, clock)
    made.sort(reverse=True)  # ids of one millisecond are in no order of their own
    async with each_database.write() as connection:
        for ticket_id in made[:2]:
            await STORE.set_labels(
                connection, workspace, ticket_id, triage=triaged(queue="money"), at=clock.now()
            )

    async def page(matching: TicketFilter, before: TicketId | None = None, limit: int = 50) -> list[TicketId]:
        async with each_database.read() as connection:
            found = await STORE.page(connection, workspace, matching=matching, before=before, limit=limit)
        return [ticket.id for ticket in found]

    everything = TicketFilter()
    assert await page(everything) == made
    assert await page(everything, limit=2) == made[:2]
    assert await page(everything, before=made[1]) == made[2:]
    assert await page(TicketFilter(queue="money")) == made[:2]
    assert await page(TicketFilter(queue="money", intent="none")) == []
    assert await page(TicketFilter(certainty=Certainty.SURE)) == made[:2]
    assert len(await page(TicketFilter(since=clock.now() - timedelta(hours=2)))) == 2


async def test_erasing_a_ticket_erases_every_correction_of_its_text(
    each_database: Database, workspace: WorkspaceId, other_workspace: WorkspaceId, clock: ManualClock
) -> None:
    ticket = await created(each_database, workspace, clock)
    kept = await created(each_database, workspace, clock, replace(NEW, external_id="2", text="No rug yet."))
    _, by_ticket = await correct(each_database, ticket, clock, "damage")
    _, of_kept = await correct(each_database, kept, clock, "delivery")
    loose = replace(by_ticket, ticket=None, id=None, source=CorrectionSource.CSV, text=ticket.read.upper())
    async with each_database.write() as connection:
        await STORE.corrections.append(connection, workspace, loose)
        elsewhere = await STORE.corrections.append(connection, other_workspace, loose)
        assert await STORE.erase(connection, workspace, ticket.id) == 2
        with pytest.raises(UnknownTicket):
            await STORE.erase(connection, workspace, ticket.id)
    async with each_database.read() as connection:
        assert await STORE.corrections.of_kind(connection, workspace, LabelKind.INTENT) == [of_kept]
        counting = await STORE.corrections.counting(connection, workspace, LabelKind.INTENT)
        assert counting == {of_kept.id: True}
        assert await STORE.corrections.of_kind(connection, other_workspace, LabelKind.INTENT) == [elsewhere]
        left = await connection.execute(text("SELECT count(*) FROM tickets WHERE workspace_id = 'default'"))
    assert left.scalar() == 1
