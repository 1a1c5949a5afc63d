from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from kit.clock import ManualClock
from kit.errors import InvalidInput
from store.engine import Database
from tests.triage.shop import messages
from tests.triage.ticket_shop import TicketShop
from tests.triage.tiny_models import ENCODER, tiny_models
from triage.drift import Snapshot, measure_drift
from triage.stored_tickets import Selection
from triage.ticket_drift import snapshot_of_texts, snapshot_of_tickets

pytestmark = pytest.mark.anyio

MODEL = tiny_models().intents


async def test_a_wave_of_one_kind_of_tickets_is_drift(database: Database, clock: ManualClock) -> None:
    shop = TicketShop(database, clock)
    await shop.take_in([one.text for one in messages(20, seed=3)], triaged=False)
    middle = clock.now()
    await shop.take_in([one.text for one in messages(60, seed=4) if one.label == "damage"], triaged=False)
    before, after, steps = Selection(until=middle), Selection(since=middle), list[int]()

    async def taken(selection: Selection, *, most: int = 1000) -> Snapshot:
        return await snapshot_of_tickets(
            shop.stored, selection, MODEL, ENCODER, most=most, advance=steps.append
        )

    reference, recent = await taken(before), await taken(after)
    assert (reference.count, recent.count, sum(steps)) == (120, 60, 180)
    report = measure_drift(reference, recent)
    assert report.alarm
    assert report.growth[0].label == "logistics.damage"
    assert not measure_drift(reference, await taken(before, most=80)).alarm
    few = await taken(before, most=10)
    assert (few.count, few.encoder) == (10, ENCODER.identity)
    assert np.array_equal(few.vectors, (await taken(before, most=10)).vectors)
    with pytest.raises(InvalidInput, match=r"There are no tickets from 2026-\d\d-\d\d \d\d:\d\d on\."):
        await taken(Selection(since=clock.now() + timedelta(days=1)))


def test_texts_of_a_file_are_as_good() -> None:
    texts = [one.text for one in messages(20, seed=3)]
    steps: list[int] = []
    taken = snapshot_of_texts(texts, MODEL, ENCODER, advance=steps.append)
    assert (taken.count, steps) == (120, [64, 56])
    with pytest.raises(InvalidInput):
        snapshot_of_texts([], MODEL, ENCODER)
