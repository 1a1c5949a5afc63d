from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update

from kit.clock import ManualClock
from kit.ids import WorkspaceId
from knowledge_base import Document, DocumentKind
from knowledge_base.lint import Finding, FindingKind, Linter
from knowledge_base.sources.safe_http import SafeClient
from store.engine import Database
from store.tables import passages
from tests.knowledge_base.conftest import synchroniser
from tests.knowledge_base.test_sync import ListedSource

pytestmark = pytest.mark.anyio

LONG = "The engineer rings the bell, shows a badge, checks the socket, and measures the line before leaving."


def said(key: str, text: str, *, title: str | None = None, **options: object) -> Document:
    return Document(key=key, title=title or key, text=text, **options)  # type: ignore[arg-type]  # of Document


async def lint(
    database: Database, clock: ManualClock, workspace: WorkspaceId, *documents: Document, **options: object
) -> list[Finding]:
    await synchroniser(database, clock).sync(workspace, ListedSource(*documents))
    return await Linter(database, clock=clock).lint(workspace, **options)  # type: ignore[arg-type]  # of lint


def summary(findings: list[Finding]) -> list[tuple[FindingKind, tuple[str, ...]]]:
    return [(finding.kind, tuple(place.key for place in finding.places)) for finding in findings]


async def test_contradictions_are_found(
    each_database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    found = await lint(
        each_database,
        clock,
        workspace,
        said(
            "a.md",
            "You can cancel a broadband contract free of charge within 14 days of the start.",
            title="Cancel",
        ),
        said(
            "b.md",
            "You can cancel a broadband contract free of charge within 30 days of the start.",
            title="Cancel",
        ),
        said(
            "c.md",
            "Parcels with a replacement router arrive within five days of the order being placed.",
            title="Post",
        ),
    )
    finding = next(one for one in found if one.kind is FindingKind.CONTRADICTION)
    assert [place.key for place in finding.places] == ["a.md", "b.md"]
    assert finding.places[0].quote.startswith("You can cancel")
    assert (
        finding.reason == "Two documents seem to say the same with different figures: 14 day against 30 day."
    )
    assert 0.6 <= finding.score <= 1


async def test_different_products_may_have_different_prices(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    found = await lint(
        database,
        clock,
        workspace,
        said(
            "a.md",
            "The plan costs £25 a month, and the first month of the contract is free.",
            title="Fibre 100",
        ),
        said(
            "b.md",
            "The plan costs £35 a month, and the first month of the contract is free.",
            title="Fibre 500",
        ),
        said(
            "c.md",
            "The tariff Mobile 1 costs £9 a month, whoever you are and wherever you live now.",
            title="Tariffs",
        ),
        said(
            "d.md",
            "The tariff Mobile 2 costs £19 a month, whoever you are and wherever you live now.",
            title="Tariffs",
        ),
        said(
            "e.md",
            "The hotline is open from 9am for faults of every kind, and also on Sundays.",
            title="Faults",
        ),
        said(
            "f.md",
            "The hotline is open from 9am or 10:00 for faults of every kind, also on Sundays.",
            title="Faults",
        ),
    )
    assert FindingKind.CONTRADICTION not in {finding.kind for finding in found}


async def test_without_sentence_vectors_words_alone_decide(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    documents = [
        said(f"{n}.md", f"A refund reaches your bank account after {n} working days.") for n in (3, 9)
    ]
    await synchroniser(database, clock).sync(workspace, ListedSource(*documents))
    async with database.write() as connection:
        await connection.execute(update(passages).values(sentence_embeddings=None))
    found = await Linter(database, clock=clock).lint(workspace)
    assert (FindingKind.CONTRADICTION, ("3.md", "9.md")) in summary(found)


async def test_duplicates_and_near_duplicates(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    near = LONG.replace("measures", "tests")
    found = await lint(
        database,
        clock,
        workspace,
        said("a.md", f"{LONG}\n\nFirst of all, clear the hall."),
        said("b.md", f"{LONG}\n\nFirst of all, clear the hall."),
        said("c.md", near + "\n\nSomething else altogether, which nobody else has said before."),
        said("q1", "By card, or by bank transfer.", title="How do I pay?", kind=DocumentKind.QUESTION_ANSWER),
        said("q2", "Only in cash, sorry.", title="How do I PAY?", kind=DocumentKind.QUESTION_ANSWER),
    )
    kinds = summary(found)
    assert (FindingKind.DUPLICATE, ("a.md", "b.md")) in kinds
    near_pairs = {places for kind, places in kinds if kind is FindingKind.NEAR_DUPLICATE}
    assert near_pairs == {("a.md", "c.md"), ("b.md", "c.md"), ("q1", "q2")}
    shared = next(finding for finding in found if finding.places[-1].key == "c.md")
    assert "share a passage that is nearly the same" in shared.reason


async def test_stale_empty_and_short(database: Database, clock: ManualClock, workspace: WorkspaceId) -> None:
    old, new = clock.now() - timedelta(days=500), clock.now() - timedelta(days=100)
    found = await lint(
        database,
        clock,
        workspace,
        said("old.md", LONG, updated_at=old),
        said("new.md", f"Quite another matter: {LONG[::-1]}", updated_at=new),
        said("empty.md", ""),
        said("short.md", "Ask us."),
        said("q", "Yes, you can.", title="Can I?", kind=DocumentKind.QUESTION_ANSWER),
        said("link.md", f"Read [this](nowhere.md). {LONG.upper()} It ends here."),
    )
    assert [one for one in summary(found) if one[0] is not FindingKind.NEAR_DUPLICATE] == [
        (FindingKind.DEAD_LINK, ("link.md",)),
        (FindingKind.STALE, ("old.md",)),
        (FindingKind.EMPTY, ("empty.md",)),
        (FindingKind.TOO_SHORT, ("short.md",)),
    ]
    stale = next(finding for finding in found if finding.kind is FindingKind.STALE)
    assert stale.reason == "It was last updated on 2024-08-19, more than 12 months ago."
    sooner = await Linter(database, clock=clock).lint(workspace, stale_after_months=3)
    assert len([one for one in sooner if one.kind is FindingKind.STALE]) == 2


async def test_outside_links_are_followed_only_when_asked(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    document = said("a.md", f"[away](https://x.example/gone) {LONG}")
    assert await lint(database, clock, workspace, document) == []
    gone = httpx.MockTransport(lambda _request: httpx.Response(404))
    async with SafeClient(gone, user_agent="x") as client:
        found = await Linter(database, clock=clock).lint(workspace, outside=client)
    assert summary(found) == [(FindingKind.DEAD_LINK, ("a.md",))]


async def test_an_empty_workspace_has_nothing_wrong(
    database: Database, clock: ManualClock, workspace: WorkspaceId
) -> None:
    assert await Linter(database, clock=clock).lint(workspace) == []
