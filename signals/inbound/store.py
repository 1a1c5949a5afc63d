"""News in the database. Every function takes the connection of a running transaction."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.ids import CustomerId, SignalId, WorkspaceId
from signals.connectors.connector import InboundOutcome
from signals.connectors.inbound import InboundConsent
from signals.inbound.news import OPEN_RESULTS, NewsKind, NewsResult, StoredNews, Via
from store.encryption import Cipher
from store.tables import inbound_news as table

News = InboundOutcome | InboundConsent
_OUTCOME = TypeAdapter(InboundOutcome)
_CONSENT = TypeAdapter(InboundConsent)
_PURPOSE = b"careloop inbound news"
_LONGEST_DETAIL = 1000  # characters, as the column has it


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of news, and whose it was."""

    result: NewsResult
    code: str | None = None
    detail: str | None = None
    signal: SignalId | None = None
    customer: CustomerId | None = None


class NewsStore:
    """Keeps each piece of news once; what was not taken is kept whole, encrypted.

    A target's id of its news may hold a hash of somebody's address, so what is kept of it is a keyed hash.
    """

    def __init__(self, cipher: Cipher, key: bytes) -> None:
        self._cipher = cipher
        self._key = hmac.digest(key, _PURPOSE, sha256)

    async def claim(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        connector: str,
        news: News,
        *,
        via: Via,
        at: datetime,
    ) -> int | None:
        """The row that ``news`` is to be settled in; none where it was taken before.

        Whoever tells the same at the same time waits for this transaction.
        """
        kind, key = _kind(news), self._hash(workspace, news.external_id)
        upsert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        statement = upsert(table).values(
            workspace_id=workspace,
            connector=connector,
            kind=kind,
            key=key,
            via=via,
            result=NewsResult.UNMATCHED,
            at=news.at,
            received_at=at,
        )
        made = (await connection.execute(statement.on_conflict_do_nothing().returning(table.c.id))).scalar()
        if made is not None:
            return int(made)
        query = select(table.c.id, table.c.result).where(
            table.c.workspace_id == workspace,
            table.c.connector == connector,
            table.c.kind == kind,
            table.c.key == key,
        )
        row = (await connection.execute(query.with_for_update())).one()
        return int(row.id) if NewsResult(row.result) in OPEN_RESULTS else None

    async def settle(self, connection: AsyncConnection, row: int, news: News, verdict: Verdict) -> None:
        """Write what came of it. What is to be ignored leaves nothing behind."""
        if verdict.result is NewsResult.IGNORED:
            await connection.execute(delete(table).where(table.c.id == row))
            return
        content = self._cipher.encrypt(_text(news)) if verdict.result in OPEN_RESULTS else None
        await connection.execute(
            update(table)
            .where(table.c.id == row)
            .values(
                result=verdict.result,
                code=verdict.code,
                detail=None if verdict.detail is None else verdict.detail[:_LONGEST_DETAIL],
                signal_id=verdict.signal,
                customer_id=verdict.customer,
                content=content,
            )
        )

    async def page(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        connector: str,
        *,
        result: NewsResult | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[StoredNews]:
        """News of the connector, youngest first, before the id ``before``: the last one of a page."""
        query = select(table).where(table.c.workspace_id == workspace, table.c.connector == connector)
        if result is not None:
            query = query.where(table.c.result == result)
        if before is not None:
            query = query.where(table.c.id < before)
        rows = await connection.execute(query.order_by(table.c.id.desc()).limit(limit))
        return [_stored(row) for row in rows]

    async def open_news(
        self, connection: AsyncConnection, workspace: WorkspaceId, connector: str, *, after: int, limit: int
    ) -> list[tuple[int, News]]:
        """What was not taken, whole, the oldest first, after the id ``after``."""
        query = select(table.c.id, table.c.kind, table.c.content).where(
            table.c.workspace_id == workspace,
            table.c.connector == connector,
            table.c.result.in_(OPEN_RESULTS),
            table.c.content.is_not(None),
            table.c.id > after,
        )
        rows = await connection.execute(query.order_by(table.c.id).limit(limit))
        return [(int(row.id), _news(NewsKind(row.kind), self._cipher.decrypt(row.content))) for row in rows]

    async def counts(
        self, connection: AsyncConnection, workspace: WorkspaceId
    ) -> dict[str, dict[NewsResult, int]]:
        """How much news of each connector came to which result."""
        query = (
            select(table.c.connector, table.c.result, func.count().label("number"))
            .where(table.c.workspace_id == workspace)
            .group_by(table.c.connector, table.c.result)
        )
        found: dict[str, dict[NewsResult, int]] = {}
        for row in await connection.execute(query):
            found.setdefault(row.connector, {})[NewsResult(row.result)] = row.number
        return found

    async def prune(
        self, connection: AsyncConnection, workspace: WorkspaceId, connector: str, *, before: datetime
    ) -> int:
        """Forget what came before ``before``; how much that was."""
        old = delete(table).where(
            table.c.workspace_id == workspace, table.c.connector == connector, table.c.received_at < before
        )
        return int((await connection.execute(old)).rowcount)

    def _hash(self, workspace: WorkspaceId, external_id: str) -> str:
        return hmac.new(self._key, f"{workspace}\0{external_id}".encode(), sha256).hexdigest()


def _kind(news: News) -> NewsKind:
    return NewsKind.OUTCOME if isinstance(news, InboundOutcome) else NewsKind.CONSENT


def _text(news: News) -> str:
    found = _OUTCOME.dump_json(news) if isinstance(news, InboundOutcome) else _CONSENT.dump_json(news)
    return found.decode()


def _news(kind: NewsKind, text: str) -> News:
    return _OUTCOME.validate_json(text) if kind is NewsKind.OUTCOME else _CONSENT.validate_json(text)


def _stored(row: Row[Any]) -> StoredNews:
    return StoredNews(
        id=row.id,
        connector=row.connector,
        kind=NewsKind(row.kind),
        via=Via(row.via),
        result=NewsResult(row.result),
        at=row.at,
        received_at=row.received_at,
        code=row.code,
        detail=row.detail,
        signal_id=None if row.signal_id is None else SignalId(row.signal_id),
        customer_id=None if row.customer_id is None else CustomerId(row.customer_id),
    )
