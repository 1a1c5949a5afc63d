from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from customers import EventId, EventKind, Feedback, FeedbackKind, NewEvent
from customers.errors import EventInvalid, EventOfAnother, FeedbackInvalid
from kit.clock import ManualClock
from kit.ids import CustomerId
from store.tables import customer_events
from tests.customers.shop import ADA, BOB, BOOK, Shop


async def record(shop: Shop, customer: CustomerId, event: NewEvent) -> tuple[str, bool]:
    async with shop.database.write() as connection:
        stored, made = await BOOK.record(connection, shop.workspace, customer, event, now=shop.clock.now())
    return stored.id, made


def new(shop: Shop, external_id: str = "1", **more: object) -> NewEvent:
    values = {"kind": EventKind.EMAIL, "name": "message", "source": "mail", "payload": {"text": "secret"}}
    return NewEvent(external_id=external_id, **{"occurred_at": shop.clock.now(), **values, **more})  # type: ignore[arg-type]  # a test's own mixture


async def test_an_event_that_is_told_twice_is_one(each_shop: Shop) -> None:
    customer = await each_shop.known(ADA)
    first = await record(each_shop, customer, new(each_shop))
    again = await record(each_shop, customer, new(each_shop, payload={"text": "changed"}))
    other = await record(each_shop, customer, new(each_shop, source="desk"))
    assert first[1]
    assert again == (first[0], False)
    assert other[1]
    (event, _) = (await each_shop.everything(customer)).events
    assert event.payload == {"text": "secret"}
    async with each_shop.database.read() as connection:
        rows = (await connection.execute(select(customer_events.c.payload))).scalars().all()
    assert all(b"secret" not in row for row in rows)


async def test_an_id_of_another_customer_s_event_is_refused(shop: Shop) -> None:
    first, second = await shop.known(ADA), await shop.known(BOB)
    await record(shop, first, new(shop))
    with pytest.raises(EventOfAnother):
        await record(shop, second, new(shop))
    await shop.resolve(ADA, BOB)
    assert not (await record(shop, second, new(shop)))[1]  # they are one now


async def test_pages_run_from_the_last_to_the_first_by_when_it_happened(each_shop: Shop) -> None:
    customer = await each_shop.known(ADA)
    at = each_shop.clock.now()
    days = [3, 1, 4, 1, 5, 9, 2, 6]
    for number, day in enumerate(days):
        kind = EventKind.CHAT if day % 2 else EventKind.TICKET
        event = new(each_shop, str(number), kind=kind, occurred_at=at - timedelta(days=day))
        await record(each_shop, customer, event)
    found: list[int] = []
    before: EventId | None = None
    async with each_shop.database.read() as connection:
        for _ in range(4):
            page = await BOOK.timeline.page(connection, each_shop.workspace, customer, before=before, limit=2)
            found += [(at - event.occurred_at).days for event in page]
            before = page[-1].id
        odd = await BOOK.timeline.page(connection, each_shop.workspace, customer, kinds=[EventKind.CHAT])
        none = await BOOK.timeline.page(connection, each_shop.workspace, customer, before=EventId("evt_none"))
    assert found == sorted(days)
    assert len(odd) == 5
    assert none == []


async def test_a_clock_that_is_ahead_counts_as_now(shop: Shop) -> None:
    customer = await shop.known(ADA)
    await record(shop, customer, new(shop, occurred_at=shop.clock.now() + timedelta(hours=3)))
    (event,) = (await shop.everything(customer)).events
    assert event.occurred_at == event.recorded_at == shop.clock.now()


@pytest.mark.parametrize(
    ("kind", "score"),
    [
        (FeedbackKind.CSAT, 0),
        (FeedbackKind.CSAT, 6),
        (FeedbackKind.CSAT, 3.5),
        (FeedbackKind.NPS, -1),
        (FeedbackKind.NPS, 11),
        (FeedbackKind.REVIEW, 0.5),
        (FeedbackKind.REVIEW, 5.5),
        (FeedbackKind.CSAT, float("nan")),
    ],
)
def test_a_score_off_its_scale_is_refused(clock: ManualClock, kind: FeedbackKind, score: float) -> None:
    with pytest.raises(FeedbackInvalid):
        Feedback(kind, score, "survey", "1", clock.now()).event()


@pytest.mark.parametrize(
    ("kind", "score"),
    [(FeedbackKind.CSAT, 1), (FeedbackKind.CSAT, 5), (FeedbackKind.NPS, 0), (FeedbackKind.NPS, 10),
     (FeedbackKind.REVIEW, 4.5)],
)  # fmt: skip
async def test_a_score_on_its_scale_is_kept_with_its_comment(
    shop: Shop, kind: FeedbackKind, score: float
) -> None:
    customer = await shop.known(ADA)
    said = Feedback(kind, score, "survey", "1", shop.clock.now(), comment="Fine.", about="conv_1")
    await record(shop, customer, said.event())
    (event,) = (await shop.everything(customer)).events
    assert (event.score, event.payload) == (score, {"comment": "Fine.", "about": "conv_1"})
    assert event.kind is (EventKind.REVIEW if kind is FeedbackKind.REVIEW else EventKind.SURVEY)


async def test_events_that_say_nothing_usable_are_refused(shop: Shop) -> None:
    customer = await shop.known(ADA)
    bad = {
        FeedbackInvalid: [
            new(shop, kind=EventKind.SURVEY, name="nps", score=11),
            new(shop, kind=EventKind.SURVEY, name="csat"),
            new(shop, kind=EventKind.CHAT, score=-2),
        ],
        EventInvalid: [
            new(shop, kind=EventKind.STAGE, name="moon"),
            new(shop, payload={"text": "x" * 70_000}),
        ],
    }
    for error, events in bad.items():
        for event in events:
            with pytest.raises(error):
                await record(shop, customer, event)
    assert (await shop.everything(customer)).events == []
