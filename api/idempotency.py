"""Requests that create something are carried out once, however often they arrive (``Idempotency-Key``).

After draft-ietf-httpapi-idempotency-key-header. The answer is kept for a day, encrypted, as it may hold
what a customer wrote.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from api.deps import AnyCaller
from api.errors import IdempotencyKeyReused, RequestUnderWay
from kit.clock import Clock
from kit.ids import WorkspaceId
from store.encryption import Cipher
from store.engine import Database
from store.tables import idempotency_keys as table

_KEPT = timedelta(hours=24)
# A first request that has not been answered by then died with its process; another may try.
_GIVEN_UP = timedelta(minutes=5)
_CLEANED_EVERY = timedelta(hours=1)
REPLAYED = "Idempotent-Replayed"


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer to a request that was carried out before."""

    status: int
    body: str


class IdempotencyStore:
    """Remembers which requests were carried out, and what was answered."""

    def __init__(self, database: Database, cipher: Cipher, clock: Clock) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock
        self._cleaned: datetime | None = None

    async def begin(self, workspace_id: WorkspaceId, key: str, *, fingerprint: str) -> Replay | None:
        """Claim ``key``: none if this is the first request with it, else what was answered then.

        Raises ``IdempotencyKeyReused`` if the first request was another one, ``RequestUnderWay`` if it has
        not been answered yet.
        """
        now = self._clock.now()
        given_up = table.c.status.is_(None) & (table.c.created_at < now - _GIVEN_UP)
        query = select(table).where(table.c.workspace_id == workspace_id, table.c.key == key)
        try:
            async with self._database.write() as connection:
                if self._cleaned is None or now - self._cleaned >= _CLEANED_EVERY:
                    await connection.execute(delete(table).where(table.c.created_at < now - _KEPT))
                    self._cleaned = now
                await connection.execute(delete(table).where(table.c.key == key, given_up))
                await connection.execute(
                    insert(table).values(
                        workspace_id=workspace_id, key=key, fingerprint=fingerprint, created_at=now
                    )
                )
        except IntegrityError:
            async with self._database.read() as connection:
                row = (await connection.execute(query)).one_or_none()
        else:
            return None
        if row is not None and row.fingerprint != fingerprint:
            raise IdempotencyKeyReused("This Idempotency-Key was used for another request.")
        if row is None or row.status is None:
            raise RequestUnderWay("The first request with this Idempotency-Key has not been answered yet.")
        return Replay(row.status, self._cipher.decrypt(row.body))

    async def finish(self, workspace_id: WorkspaceId, key: str, replay: Replay) -> None:
        """Remember what was answered."""
        async with self._database.write() as connection:
            await connection.execute(
                update(table)
                .where(table.c.workspace_id == workspace_id, table.c.key == key)
                .values(status=replay.status, body=self._cipher.encrypt(replay.body))
            )

    async def abandon(self, workspace_id: WorkspaceId, key: str) -> None:
        """Forget a request that failed: the caller may try again under the same key."""
        async with self._database.write() as connection:
            await connection.execute(
                delete(table).where(table.c.workspace_id == workspace_id, table.c.key == key)
            )


class Once:
    """Carries out the request at hand, unless its ``Idempotency-Key`` says that this was done before.

    ``client_id`` names the request for those who want to recognise it themselves; none without a key.
    """

    def __init__(
        self, store: IdempotencyStore, workspace_id: WorkspaceId, *, client_id: str | None, fingerprint: str
    ) -> None:
        self._store = store
        self._workspace_id = workspace_id
        self._fingerprint = fingerprint
        self.client_id = client_id

    async def __call__(
        self,
        produce: Callable[[], Awaitable[BaseModel]],
        *,
        status: int = 201,
        keep: Callable[[str], str] = lambda body: body,
    ) -> Response:
        """The answer of ``produce``, or the one of the first time. ``keep`` says what of it to remember."""
        if self.client_id is None:
            return _respond(Replay(status, (await produce()).model_dump_json()))
        replay = await self._store.begin(self._workspace_id, self.client_id, fingerprint=self._fingerprint)
        if replay is not None:
            return _respond(replay, headers={REPLAYED: "true"})
        try:
            body = (await produce()).model_dump_json()
        except BaseException:
            await self._store.abandon(self._workspace_id, self.client_id)
            raise
        await self._store.finish(self._workspace_id, self.client_id, Replay(status, keep(body)))
        return _respond(Replay(status, body))

    async def check(self) -> None:
        """Refuse a key that belongs to another request, for requests whose answer is not kept."""
        if self.client_id is None:
            return
        begun = await self._store.begin(self._workspace_id, self.client_id, fingerprint=self._fingerprint)
        if begun is None:
            await self._store.finish(self._workspace_id, self.client_id, Replay(200, ""))


def _respond(answer: Replay, *, headers: dict[str, str] | None = None) -> Response:
    return Response(answer.body, answer.status, headers, media_type="application/json")


async def _once(
    request: Request,
    caller: AnyCaller,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            pattern="^[\x21-\x7e]{1,255}$",
            description="Any string of your own that is unique to this request: sent again with the same "
            "body, nothing is created twice.",
            examples=["4f6c2a1e-order-8841"],
        ),
    ] = None,
) -> Once:
    store: IdempotencyStore = request.app.state.idempotency
    if idempotency_key is None:
        return Once(store, caller.workspace_id, client_id=None, fingerprint="")
    who = f"{caller.kind}:{caller.id}"
    name = hashlib.sha256(f"{who}\n{idempotency_key}".encode()).hexdigest()
    accept = request.headers.get("accept", "").encode()
    parts = (who.encode(), request.method.encode(), request.url.path.encode(), accept, await request.body())
    fingerprint = hashlib.sha256(b"\n".join(parts)).hexdigest()
    return Once(store, caller.workspace_id, client_id=name, fingerprint=fingerprint)


OnceDep = Annotated[Once, Depends(_once)]
