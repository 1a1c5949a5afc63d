"""``careloop claims``: whether what the company says keeps to what it approves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from careloop.build import Parts
from careloop.build_claims import build_brands, data_texts
from careloop.cli.session import DEFAULT, JsonFlag, WorkspaceOption, console, read_settings, with_parts
from kit.clock import SystemClock
from kit.ids import WorkspaceId
from kit.text import sentences
from knowledge_base import lint
from knowledge_base.records import DocumentRecord
from signals.brand.claim_checker import ClaimChecker, Finding, FindingKind

app = typer.Typer(no_args_is_help=True, help="Check texts against what the brand may say.")
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A sentence that is not approved; offsets count characters of the text at ``place``."""

    place: str
    kind: FindingKind
    start: int
    end: int
    said: str
    about: str
    approved: str
    sentence: str


@app.callback()
def _claims() -> None:
    """Check texts against what the brand may say."""


@app.command()
def check(
    *,
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day on which it is said; today unless given."),
    ] = None,
    data_only: Annotated[
        bool, typer.Option("--data-only", help="Offers, sequences and next actions, but no articles.")
    ] = False,
    as_json: JsonFlag = False,
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Check articles, offers, sequences and next actions. Exit status 1 where something is not approved."""
    settings = read_settings()
    checker = build_brands(settings).of(WorkspaceId(workspace))
    if checker is None:
        console().print("No claims are approved for this workspace: CARELOOP_CLAIMS names their file.")
        return
    day = checker.claims.day(SystemClock().now()) if on is None else on.date()
    found = [
        one
        for text in data_texts(settings, on=day)
        for one in contradictions(checker, text.place, text.text, on=day, written=True)
    ]
    number = 0
    if not data_only:
        articles = with_parts(lambda parts: of_articles(parts, checker, WorkspaceId(workspace), day))
        number = len(articles)
        found += [one for article in articles for one in article]
    _report(found, number, as_json=as_json)
    if found:
        raise typer.Exit(1)


def contradictions(
    checker: ClaimChecker, place: str, text: str, *, on: date, written: bool
) -> Iterator[Contradiction]:
    """What of ``text`` is not approved; words that are not used only where it was ``written`` to be sent."""
    spans = sentences(text)
    for one in checker.check(text, on=on):
        if written or one.kind is not FindingKind.TONE:
            sentence = next((span.text for span in spans if span.start <= one.start < span.end), "")
            yield _contradiction(place, one, sentence)


async def of_articles(
    parts: Parts, checker: ClaimChecker, workspace: WorkspaceId, day: date
) -> list[list[Contradiction]]:
    """Of each current article what it says against the claims."""
    found = []
    for document in await _documents(parts, workspace):
        version = await parts.catalogue.version(workspace, document.version_id)
        found.append(list(contradictions(checker, document.key, version.text, on=day, written=False)))
    return found


async def not_approved(parts: Parts, workspace: WorkspaceId) -> list[lint.Finding]:
    """The same as findings of lint; none where no claims are approved."""
    checker = parts.claims.brands.of(workspace)
    if checker is None:
        return []
    documents = await _documents(parts, workspace)
    articles = await of_articles(parts, checker, workspace, checker.claims.day(parts.clock.now()))
    return [
        lint.Finding(
            lint.FindingKind.NOT_APPROVED,
            (lint.Place(document.id, document.key, document.title, one.sentence),),
            f"It says {one.said}; approved of {one.about}: {one.approved}.",
        )
        for document, found in zip(documents, articles, strict=True)
        for one in found
    ]


async def _documents(parts: Parts, workspace: WorkspaceId) -> list[DocumentRecord]:
    found: list[DocumentRecord] = []
    after: str | None = None
    while True:
        page = await parts.catalogue.documents(workspace, limit=_PAGE, after=after)
        found += page.items
        after = page.next_cursor
        if after is None:
            return found


def _contradiction(place: str, one: Finding, sentence: str) -> Contradiction:
    return Contradiction(place, one.kind, one.start, one.end, one.text, one.about, one.approved, sentence)


def _report(found: list[Contradiction], articles: int, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2))
        return
    out = console()
    if found:
        table = Table("where", "offset", "what", "says", "about", "approved")
        for one in found:
            cells = (one.place, f"{one.start}-{one.end}", one.kind.replace("_", " "), one.said, one.about)
            table.add_row(*map(escape, (*cells, one.approved)))
        out.print(table)
        for one in found:
            out.print(f"{escape(one.place)}: [dim]“{escape(' '.join(one.sentence.split()))}”[/]")
    out.print(f"{articles} articles and the data of signals: {len(found)} contradictions.")
