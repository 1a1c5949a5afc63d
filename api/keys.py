"""The API keys of a workspace."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, Field

from api import wire
from api.deps import Administrator, ServicesDep
from api.idempotency import OnceDep
from api.problems import NOT_FOUND, problems
from store.access import ApiKey, Scope

router = APIRouter(prefix="/v1/keys", tags=["keys"], responses=problems())


class NewKey(wire.Body):
    """A key to make."""

    name: wire.Name = Field(description="What it is for.", examples=["Web shop"])
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope), examples=[["chat", "knowledge:read"]])
    expires_at: AwareDatetime | None = Field(None, examples=[None])


class Key(BaseModel):
    """A key, without its secret, which is stored nowhere."""

    id: str = Field(examples=["key_06dbn3v0m5s1t7w9yb2d4f6h8k"])
    name: str = Field(examples=["Web shop"])
    scopes: list[Scope] = Field(examples=[["chat", "knowledge:read"]])
    created_at: datetime = Field(examples=["2026-11-21T10:00:00Z"])
    expires_at: datetime | None = Field(examples=[None])
    revoked_at: datetime | None = Field(examples=[None])
    last_used_at: datetime | None = Field(description="To within five minutes.", examples=[None])

    @classmethod
    def of(cls, key: ApiKey) -> Key:
        """``key`` as it is sent."""
        return cls(
            id=key.id,
            name=key.name,
            scopes=sorted(key.scopes),
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            last_used_at=key.last_used_at,
        )


class CreatedKey(BaseModel):
    """A new key. ``secret`` is shown this once; null when a request is repeated."""

    key: Key
    secret: str | None = Field(examples=["cl_7Qm0v0tT2mYkq5dB1yWc3xN8uR6eH4jL9pZ0aS2fG1k"])


class KeyList(BaseModel):
    """Every key of the workspace, revoked ones too, oldest first."""

    items: list[Key]


@router.get("", operation_id="list_keys")
async def list_keys(services: ServicesDep, caller: Administrator) -> KeyList:
    """The workspace's keys."""
    return KeyList(items=[Key.of(key) for key in await services.access.keys(caller.workspace_id)])


@router.post("", operation_id="create_key", status_code=201, response_model=CreatedKey)
async def create_key(services: ServicesDep, caller: Administrator, once: OnceDep, body: NewKey) -> Response:
    """Make a key. Its secret is shown once."""

    async def produce() -> CreatedKey:
        key, secret = await services.access.create_key(
            caller.workspace_id, name=body.name, scopes=body.scopes, expires_at=body.expires_at
        )
        return CreatedKey(key=Key.of(key), secret=secret)

    return await once(produce, keep=_without_secret)


@router.delete("/{key_id}", operation_id="revoke_key", responses=problems(NOT_FOUND))
async def revoke_key(
    services: ServicesDep,
    caller: Administrator,
    key_id: Annotated[
        str, Path(pattern="^[A-Za-z0-9_-]{1,40}$", examples=["key_06dbn3v0m5s1t7w9yb2d4f6h8k"])
    ],
) -> Key:
    """End a key, at once. Doing it twice changes nothing."""
    return Key.of(await services.access.revoke_key(caller.workspace_id, key_id))


def _without_secret(body: str) -> str:
    return json.dumps({**json.loads(body), "secret": None})
