"""Which labels a correction may name, on either database."""

from __future__ import annotations

import pytest

from kit.clock import ManualClock
from kit.ids import WorkspaceId
from store.encryption import Cipher
from store.engine import Database
from tests.api.tiny_triage import shop_taxonomy
from triage.correction_store import CorrectionStore
from triage.corrections import Correction, CorrectionSource, LabelKind
from triage.errors import CorrectionsInvalid
from triage.known_labels import KnownLabels
from triage.rules import parse_routing
from triage.text_hash import TextHash

pytestmark = pytest.mark.anyio

STORE = CorrectionStore(Cipher(bytes(32)), TextHash(bytes(32)))
ROUTING = parse_routing(
    {
        "default_queue": "inbox",
        "calendars": {"office": {"timezone": "Europe/Berlin", "hours": "always"}},
        "teams": {
            "inbox": {},
            "night": {},
            "vip": {"calendar": "office", "out_of_hours": {"queue": "night"}},
        },
        "rules": [{"name": "gold", "when": {"fact": "tier", "equals": "gold"}, "then": {"queue": "vip"}}],
    },
    source="test",
)


async def why_not(
    known: KnownLabels, database: Database, workspace: WorkspaceId, kind: LabelKind, label: str
) -> str:
    """Why a label is refused; empty where it is not."""
    try:
        async with database.read() as connection:
            await known.check(connection, workspace, kind, label)
    except CorrectionsInvalid as error:
        return error.detail
    return ""


async def test_queues_are_those_of_the_taxonomy_and_of_the_rules(
    database: Database, workspace: WorkspaceId
) -> None:
    plain, ruled = (KnownLabels(shop_taxonomy(), routing, STORE) for routing in (None, ROUTING))
    for queue in ("billing", "logistics", "sales"):
        assert await why_not(plain, database, workspace, LabelKind.QUEUE, queue) == ""
    for queue in ("inbox", "vip", "night"):
        assert await why_not(ruled, database, workspace, LabelKind.QUEUE, queue) == ""
        assert "billing, logistics, sales." in await why_not(
            plain, database, workspace, LabelKind.QUEUE, queue
        )


async def test_what_people_introduced_is_known_as_long_as_it_counts(
    each_database: Database, workspace: WorkspaceId, other_workspace: WorkspaceId, clock: ManualClock
) -> None:
    known = KnownLabels(shop_taxonomy(), None, STORE)
    said = Correction(
        "One card, please.", LabelKind.INTENT, "sales.card", None, "ada", CorrectionSource.CSV, clock.now()
    )
    async with each_database.write() as connection:
        stored = await STORE.append(connection, workspace, said)
    intent = LabelKind.INTENT
    assert await why_not(known, each_database, workspace, intent, "sales.card") == ""
    assert "sales.card" in await why_not(known, each_database, workspace, intent, "sales.cart")
    assert "sales.card," not in await why_not(known, each_database, other_workspace, intent, "sales.card")
    assert stored.id is not None
    async with each_database.write() as connection:
        await STORE.withdraw(connection, workspace, stored.id, at=clock.now())
    assert await why_not(known, each_database, workspace, intent, "sales.card") != ""


async def test_labels_that_are_the_same_everywhere_are_left_to_the_check_of_corrections(
    database: Database, workspace: WorkspaceId
) -> None:
    known = KnownLabels(shop_taxonomy(), None, STORE)
    for kind in (LabelKind.PRIORITY, LabelKind.SENTIMENT, LabelKind.SIGNAL, LabelKind.ORIGIN):
        assert await why_not(known, database, workspace, kind, "anything") == ""
    assert await why_not(known, database, workspace, LabelKind.LANGUAGE, "und") == ""
