"""``careloop knowledge``: what the bot knows, and whether it is in good order."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from careloop.build import Parts
from careloop.cli.claims import not_approved
from careloop.cli.ingest import progress_bar, shown_on
from careloop.cli.session import DEFAULT, JsonFlag, WorkspaceOption, console, with_parts
from kit.ids import WorkspaceId
from kit.pinned_http import PinnedTransport
from knowledge_base.document import Passage
from knowledge_base.errors import DocumentUnknown
from knowledge_base.lint import STALE_AFTER_MONTHS, Finding, Linter
from knowledge_base.records import DocumentRecord, SourceRecord, VersionRecord
from knowledge_base.sources.safe_http import SafeClient

_USER_AGENT = "Careloop/1.0 (link check)"

app = typer.Typer(no_args_is_help=True, help="Look at and look after the knowledge base.")


@app.command("list")
def list_documents(
    containing: Annotated[str | None, typer.Argument(help="Only titles and paths that hold this.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Documents to list.")] = 200,
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """List sources and documents."""

    async def work(parts: Parts) -> tuple[list[SourceRecord], tuple[DocumentRecord, ...], bool]:
        place = WorkspaceId(workspace)
        page = await parts.catalogue.documents(place, containing=containing, limit=limit)
        return await parts.catalogue.sources(place), page.items, page.next_cursor is not None

    sources, documents, more = with_parts(work)
    out = console()
    table = Table("source", "kind", "location", "documents", "last synchronised")
    for source in sources:
        synced = f"{source.synced_at:%Y-%m-%d %H:%M}" if source.synced_at else "never"
        table.add_row(source.id, source.kind, escape(source.location), str(source.documents), synced)
    out.print(table)
    table = Table("path", "title", "passages", "version")
    for document in documents:
        table.add_row(
            escape(document.key), escape(document.title), str(document.passages), str(document.version)
        )
    out.print(table)
    if more:
        out.print("There are more; name a part of a title or path to narrow the list.")


@app.command()
def show(
    document: Annotated[
        str, typer.Argument(help="Its path, as `careloop knowledge list` shows it, or its id.")
    ],
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Show a document as the bot reads it: passage by passage."""

    async def work(parts: Parts) -> tuple[VersionRecord, list[Passage]]:
        place = WorkspaceId(workspace)
        found = await _find(parts, place, document)
        return await parts.catalogue.version(place, found.version_id), await parts.catalogue.passages(
            place, found.id
        )

    version, passages = with_parts(work)
    out = console()
    out.print(f"[bold]{escape(version.title)}[/]  version {version.number}, {version.id}")
    for passage in passages:
        path = " › ".join(passage.headings)
        out.print(f"\n[cyan]{passage.kind}[/] {passage.start}–{passage.end}  [dim]{escape(path)}[/]")
        out.print(escape(passage.text))


@app.command()
def lint(
    months: Annotated[
        int, typer.Option(min=1, help="Age from which a document counts as stale.")
    ] = STALE_AFTER_MONTHS,
    outside: Annotated[
        bool, typer.Option("--outside", help="Also ask the web sites that documents link to.")
    ] = False,
    as_json: JsonFlag = False,
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Look for what is not approved, contradictions, duplicates, stale and empty documents, dead links.

    What is found is worth a look, not always wrong: the exit status is 0 either way.
    """

    async def work(parts: Parts) -> list[Finding]:
        linter = Linter(parts.database, clock=parts.clock)
        against_claims = await not_approved(parts, WorkspaceId(workspace))
        if not outside:
            found = await linter.lint(WorkspaceId(workspace), stale_after_months=months)
            return [*against_claims, *found]
        async with SafeClient(PinnedTransport(), user_agent=_USER_AGENT) as client:
            found = await linter.lint(WorkspaceId(workspace), stale_after_months=months, outside=client)
            return [*against_claims, *found]

    findings = with_parts(work)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
        return
    out = console()
    for finding in findings:
        out.print(f"[bold]{finding.kind.replace('_', ' ')}[/]: {escape(finding.reason)}")
        for place in finding.places:
            quote = f": [dim]“{escape(' '.join(place.quote.split()))}”[/]" if place.quote else ""
            out.print(f"    {escape(place.key)}{quote}")
    out.print(f"{len(findings)} findings.")


@app.command()
def reindex(workspace: WorkspaceOption = DEFAULT) -> None:
    """Split and encode everything anew: after a change of encoder. Goes on where it was cut short."""

    async def work(parts: Parts) -> int:
        with progress_bar() as bar:
            task = bar.add_task("reindexing", total=None)
            written = await parts.synchroniser.reindex(WorkspaceId(workspace), progress=shown_on(bar, task))
        if parts.owns_index:
            await parts.follower.apply()
        return written

    console().print(f"Wrote {with_parts(work)} passages.")


@app.command()
def remove(
    source: Annotated[str, typer.Argument(help="Id of the source, as `careloop knowledge list` shows it.")],
    workspace: WorkspaceOption = DEFAULT,
) -> None:
    """Take every document of a source out of all answers; old answers can still be traced."""

    async def work(parts: Parts) -> int:
        removed = await parts.synchroniser.retire(WorkspaceId(workspace), source)
        if parts.owns_index:
            await parts.follower.apply()
        return removed

    console().print(f"Removed {with_parts(work)} documents.")


async def _find(parts: Parts, workspace: WorkspaceId, document: str) -> DocumentRecord:
    """The document of that id, or the only current one whose path is, or ends in, ``document``."""
    if document.startswith("doc_"):
        return await parts.catalogue.document(workspace, document)
    page = await parts.catalogue.documents(workspace, containing=document, limit=200)
    exact = [item for item in page.items if item.key == document]
    found = exact or list(page.items)
    if len(found) != 1:
        said = ", ".join(item.key for item in found[:5]) or "none"
        raise DocumentUnknown(f"There is no one document {document!r} in this workspace; found: {said}.")
    return found[0]
