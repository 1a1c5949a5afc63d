"""Workspaces, and the API keys that open them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from kit.clock import Clock
from kit.errors import Conflict, InvalidInput, NotFound
from kit.ids import WorkspaceId, new_id
from store.engine import Database
from store.errors import DatabaseUnwritable
from store.tables import api_keys, workspaces

KEY_PREFIX = "cl_"
_SECRET_BYTES = 32
# A key that another process revoked may still work here for this long; one revoked here stops at once.
_CACHE_SECONDS = 2.0
_CACHE_SIZE = 4096
_USE_NOTED_EVERY = timedelta(minutes=5)  # of the clock; a write for each request would halve the throughput


class Scope(StrEnum):
    """What a key may do."""

    CHAT = "chat"  # hold conversations, ask
    AGENT = "agent"  # act for a person: queue, claim, reply, resolve
    KNOWLEDGE_READ = "knowledge:read"
    KNOWLEDGE_WRITE = "knowledge:write"
    TRIAGE_READ = "triage:read"  # have messages triaged, read tickets and models
    TRIAGE_WRITE = "triage:write"  # create, correct and erase tickets; promote models and learn
    SIGNALS_READ = "signals:read"  # read signals and what became of them
    SIGNALS_WRITE = "signals:write"  # say what became of them, dispute, tune thresholds
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = (
        "customers:write"  # create, change, merge and erase customers; record events and consent
    )
    ADMIN = "admin"  # keys of its workspace
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Workspace:
    """One brand or company; nothing is shared between two."""

    id: WorkspaceId
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is stored: what it opens, never the secret."""

    id: str
    workspace_id: WorkspaceId
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class Access:
    """Workspaces and keys in the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._cache: OrderedDict[bytes, tuple[ApiKey, datetime]] = OrderedDict()
        self._revocations = 0  # a key that was read before one and arrives after it is not cached

    async def add_workspace(self, workspace_id: WorkspaceId, *, name: str) -> Workspace:
        """A new workspace. Raises ``Conflict`` if there is one of that id."""
        workspace = Workspace(workspace_id, name, self._clock.now())
        try:
            async with self._database.write() as connection:
                await connection.execute(
                    insert(workspaces).values(
                        id=workspace.id, name=name, settings={}, created_at=workspace.created_at
                    )
                )
        except IntegrityError:
            raise Conflict(f"There is a workspace {workspace_id} already.") from None
        return workspace

    async def ensure_workspace(self, workspace_id: WorkspaceId, *, name: str) -> Workspace:
        """The workspace of that id, made if there is none."""
        try:
            return await self.workspace(workspace_id)
        except NotFound:
            return await self.add_workspace(workspace_id, name=name)

    async def workspace(self, workspace_id: WorkspaceId) -> Workspace:
        """The workspace. Raises ``NotFound``."""
        query = select(workspaces).where(workspaces.c.id == workspace_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound(f"There is no workspace {workspace_id}.")
        return Workspace(WorkspaceId(row.id), row.name, row.created_at)

    async def workspaces(self) -> list[Workspace]:
        """Every workspace, by id."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(workspaces).order_by(workspaces.c.id))).all()
        return [Workspace(WorkspaceId(row.id), row.name, row.created_at) for row in rows]

    async def create_key(
        self,
        workspace_id: WorkspaceId,
        *,
        name: str,
        scopes: Collection[Scope],
        expires_at: datetime | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which is stored nowhere: show it once.

        Raises ``InvalidInput`` without a scope or with an end in the past, ``NotFound`` for the workspace.
        """
        now = self._clock.now()
        if not scopes:
            raise InvalidInput("A key needs at least one scope.")
        if expires_at is not None and expires_at <= now:
            raise InvalidInput("The key would have expired already.")
        await self.workspace(workspace_id)
        secret = KEY_PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        key = ApiKey(new_id("key"), workspace_id, name, frozenset(scopes), now, expires_at)
        async with self._database.write() as connection:
            await connection.execute(
                insert(api_keys).values(
                    id=key.id,
                    workspace_id=workspace_id,
                    name=name,
                    hash=_digest(secret),
                    scopes=sorted(key.scopes),
                    created_at=now,
                    expires_at=expires_at,
                )
            )
        return key, secret

    async def keys(self, workspace_id: WorkspaceId) -> list[ApiKey]:
        """Every key of the workspace, revoked ones too, oldest first."""
        query = select(api_keys).where(api_keys.c.workspace_id == workspace_id).order_by(api_keys.c.id)
        async with self._database.read() as connection:
            return [_key(row) for row in await connection.execute(query)]

    async def revoke_key(self, workspace_id: WorkspaceId, key_id: str) -> ApiKey:
        """End the key, at once. Revoking twice changes nothing. Raises ``NotFound``."""
        of_key = (api_keys.c.workspace_id == workspace_id) & (api_keys.c.id == key_id)
        async with self._database.write() as connection:
            await connection.execute(
                update(api_keys)
                .where(of_key, api_keys.c.revoked_at.is_(None))
                .values(revoked_at=self._clock.now())
            )
            row = (await connection.execute(select(api_keys).where(of_key))).one_or_none()
        self._cache.clear()
        self._revocations += 1
        if row is None:
            raise NotFound("There is no such key.")
        return _key(row)

    async def authenticate(self, secret: str) -> ApiKey | None:
        """The key that has this secret, unless it has expired or was revoked.

        The database is searched by digest: how long that takes tells an attacker about the digest of a
        guess, which tells nothing about the 256 random bits of a key.
        """
        if not secret.startswith(KEY_PREFIX):
            return None
        digest = _digest(secret)
        key = self._cached(digest) or await self._stored(digest)
        if key is None or (key.expires_at is not None and key.expires_at <= self._clock.now()):
            return None
        return key

    def _cached(self, digest: bytes) -> ApiKey | None:
        entry = self._cache.get(digest)
        if entry is None or (self._clock.now() - entry[1]).total_seconds() >= _CACHE_SECONDS:
            return None
        return entry[0]

    async def _stored(self, digest: bytes) -> ApiKey | None:
        now, revocations = self._clock.now(), self._revocations
        query = select(api_keys).where(api_keys.c.hash == digest, api_keys.c.revoked_at.is_(None))
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None or not hmac.compare_digest(row.hash, digest):
            return None
        key = _key(row)
        if key.last_used_at is None or now - key.last_used_at >= _USE_NOTED_EVERY:
            await self._note_use(key, now)
        if revocations == self._revocations:
            self._cache[digest] = (key, now)
            self._cache.move_to_end(digest)
        if len(self._cache) > _CACHE_SIZE:
            self._cache.popitem(last=False)
        return key

    async def _note_use(self, key: ApiKey, now: datetime) -> None:
        # A full disk must not lock out those who only read.
        with suppress(DatabaseUnwritable):
            async with self._database.write() as connection:
                await connection.execute(
                    update(api_keys).where(api_keys.c.id == key.id).values(last_used_at=now)
                )


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        workspace_id=WorkspaceId(row.workspace_id),
        name=row.name,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
