"""The knowledge base: where it comes from, what it holds, what a search finds."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import Field

from api import knowledge_models as models
from api import wire
from api.deps import ConfigDep, KnowledgeReader, KnowledgeWriter, Limit, ServicesDep, SyncsDep
from api.idempotency import OnceDep
from api.problems import CONFLICT, NOT_FOUND, problems
from api.state import ApiConfig
from kit.errors import Forbidden, Unavailable
from knowledge_base.sources.source import SourceKind

router = APIRouter(prefix="/v1/knowledge", tags=["knowledge"], responses=problems())

_ID = "^[A-Za-z0-9_-]{1,40}$"
SourcePath = Annotated[str, Path(alias="source_id", pattern=_ID, examples=[models.SOURCE_ID])]


class NewSource(wire.Body):
    """A source to load: a website, or a folder that the operator has opened to the API."""

    kind: SourceKind = Field(examples=["website"])
    location: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00-\x1f\x7f]+$")] = Field(
        description="A URL, or the absolute path of a folder.", examples=["https://help.brightwater.example/"]
    )


@router.get("/sources", operation_id="list_sources")
async def list_sources(services: ServicesDep, caller: KnowledgeReader) -> models.SourceList:
    """Every source, with how its last sync went."""
    found = await services.catalogue.sources(caller.workspace_id)
    return models.SourceList(items=[models.Source.of(record) for record in found])


@router.post(
    "/sources",
    operation_id="add_source",
    status_code=202,
    response_model=models.Source,
    responses=problems(CONFLICT),
)
async def add_source(
    *,
    services: ServicesDep,
    config: ConfigDep,
    syncs: SyncsDep,
    caller: KnowledgeWriter,
    once: OnceDep,
    body: NewSource,
) -> Response:
    """Add a source and begin to load it; follow it with `GET /v1/knowledge/sources/{source_id}`."""
    _check_location(config, body.kind, body.location)

    async def produce() -> models.Source:
        source = services.open_source(body.kind, body.location)
        await syncs.start(caller.workspace_id, source)
        for record in await services.catalogue.sources(caller.workspace_id):
            if (record.kind, record.location) == (source.kind, source.location):
                return models.Source.of(record)
        raise Unavailable("The source has not answered yet; its sync goes on. Look at the list of sources.")

    return await once(produce, status=202)


@router.get("/sources/{source_id}", operation_id="get_source", responses=problems(NOT_FOUND))
async def get_source(services: ServicesDep, caller: KnowledgeReader, source_id: SourcePath) -> models.Source:
    """One source, with how its last sync went."""
    return models.Source.of(await services.catalogue.source(caller.workspace_id, source_id))


@router.post(
    "/sources/{source_id}/sync",
    operation_id="sync_source",
    status_code=202,
    responses=problems(NOT_FOUND, CONFLICT),
)
async def sync_source(
    services: ServicesDep, config: ConfigDep, syncs: SyncsDep, caller: KnowledgeWriter, source_id: SourcePath
) -> models.Source:
    """Bring the knowledge base in step with a source; 409 while that is under way already."""
    record = await services.catalogue.source(caller.workspace_id, source_id)
    _check_location(config, record.kind, record.location)
    await syncs.start(caller.workspace_id, services.open_source(record.kind, record.location))
    return models.Source.of(await services.catalogue.source(caller.workspace_id, source_id))


@router.get("/documents", operation_id="list_documents")
async def list_documents(
    *,
    services: ServicesDep,
    caller: KnowledgeReader,
    source_id: Annotated[str | None, Query(pattern=_ID)] = None,
    containing: Annotated[
        str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="In title or key.")
    ] = None,
    removed: Annotated[bool, Query(description="Removed documents instead of current ones.")] = False,
    after: Annotated[str | None, Query(pattern=_ID, description="`next` of a page.")] = None,
    limit: Limit = 50,
) -> models.DocumentPage:
    """Documents in the order they were added."""
    page = await services.catalogue.documents(
        caller.workspace_id,
        source_id=source_id,
        containing=containing,
        removed=removed,
        after=after,
        limit=limit,
    )
    items = [models.Document.of(record) for record in page.items]
    return models.DocumentPage(items=items, next=page.next_cursor)


@router.get("/documents/{document_id}", operation_id="get_document", responses=problems(NOT_FOUND))
async def get_document(
    services: ServicesDep,
    caller: KnowledgeReader,
    document_id: Annotated[str, Path(pattern=_ID, examples=[models.DOCUMENT_ID])],
) -> models.Document:
    """One document, current or removed."""
    return models.Document.of(await services.catalogue.document(caller.workspace_id, document_id))


@router.get("/versions/{version_id}", operation_id="get_version", responses=problems(NOT_FOUND))
async def get_version(
    services: ServicesDep,
    caller: KnowledgeReader,
    version_id: Annotated[str, Path(pattern=_ID, examples=[models.VERSION_ID])],
) -> models.Version:
    """One version of a document with its text, however old: what a citation refers to."""
    return models.Version.of(await services.catalogue.version(caller.workspace_id, version_id))


@router.get("/search", operation_id="search_knowledge")
async def search(
    services: ServicesDep,
    caller: KnowledgeReader,
    q: Annotated[
        str,
        Query(
            min_length=1, max_length=2000, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$", examples=[wire.QUESTION]
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> models.SearchResult:
    """The passages that answer a question, best first."""
    found = await services.retriever.search(caller.workspace_id, q, limit=limit)
    return models.SearchResult(items=[models.Hit.of(ranked) for ranked in found.passages])


@router.get("/health", operation_id="knowledge_health")
async def health(services: ServicesDep, caller: KnowledgeReader) -> models.KnowledgeHealth:
    """How the knowledge base stands, and what an operator should look at."""
    return models.KnowledgeHealth.of(await services.catalogue.health(caller.workspace_id))


def _check_location(config: ApiConfig, kind: SourceKind, location: str) -> None:
    """Raise ``Forbidden`` for a folder outside of those that the operator has opened to the API.

    The path is resolved first, so that neither ``..`` nor a symbolic link leads out.
    """
    if kind is not SourceKind.FOLDER:
        return
    folder = FilePath(location)
    roots = [root.resolve() for root in config.knowledge_roots]
    if not folder.is_absolute() or not any(folder.resolve().is_relative_to(root) for root in roots):
        raise Forbidden(
            "The API loads folders only from those that the operator lists (knowledge_roots).",
            code="folder_not_allowed",
        )
