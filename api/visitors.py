"""Tokens for the visitors of a chat page: short-lived, and good for their own conversations only."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api import wire
from api.auth import CallerKind, new_visitor_id, own_origin, require
from api.deps import AuthenticatorDep, ConfigDep, TokensDep
from api.problems import problems
from kit.errors import Forbidden
from kit.ids import WorkspaceId
from store.access import Scope

_ORIGIN = r"^https?://([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?$"

router = APIRouter(prefix="/v1/visitors", tags=["visitors"], responses=problems())


class VisitorRequest(wire.Body):
    """Whom the token is for; a browser sends nothing or the token it has."""

    previous_token: Annotated[str, Field(max_length=2000, pattern="^[A-Za-z0-9_.-]+$")] | None = Field(
        None, description="A token that ends or has just ended: the visitor keeps their conversations.",
        examples=[None],
    )  # fmt: skip
    visitor_id: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,80}$")] | None = Field(
        None, description="Needs a key: your own id of the visitor.", examples=["customer-8841"]
    )
    origin: Annotated[str, Field(pattern=_ORIGIN)] | None = Field(
        None,
        description="Needs a key: the web page that will use the token.",
        examples=["https://shop.example"],
    )


class VisitorToken(BaseModel):
    """A token to send as `Authorization: Bearer ...` from the page at ``origin``."""

    token: str = Field(examples=["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ2aXNpdG9yIn0.c2lnbmF0dXJl"])
    visitor_id: str = Field(examples=["visitor_06dbn3v0m5s1t7w9yb2d4f6h8k"])
    origin: str = Field(examples=["https://shop.example"])
    expires_in: int = Field(description="Seconds.", examples=[3600])


@router.post("", operation_id="create_visitor_token", status_code=201)
async def create_visitor_token(
    request: Request,
    config: ConfigDep,
    authenticator: AuthenticatorDep,
    tokens: TokensDep,
    body: VisitorRequest,
) -> VisitorToken:
    """A token for a visitor.

    A chat page asks for it without a key, for itself, where that is enabled; a server with a key of scope
    `chat` asks for it for whom it likes.
    """
    if "authorization" in request.headers:
        workspace, visitor_id, origin = await _by_key(request, authenticator, body)
    else:
        await authenticator.count_address(request)
        workspace, visitor_id, origin = _by_page(
            request, config.workspace, authenticator, body, config.public_chat
        )
    if body.previous_token is not None:
        claims = tokens.read(body.previous_token, renewing=True)
        if (claims["aud"], claims["origin"]) == (workspace, origin):
            visitor_id = claims["sub"]
    return VisitorToken(
        token=tokens.make(workspace, visitor_id=visitor_id, origin=origin),
        visitor_id=visitor_id,
        origin=origin,
        expires_in=int(tokens.lifetime.total_seconds()),
    )


async def _by_key(
    request: Request, authenticator: AuthenticatorDep, body: VisitorRequest
) -> tuple[WorkspaceId, str, str]:
    caller = require(await authenticator.admit(request), Scope.CHAT)
    if caller.kind is CallerKind.VISITOR:
        raise Forbidden(
            "A visitor's token cannot make others; send it as previous_token.", code="scope_missing"
        )
    origin = body.origin or own_origin(request)
    return caller.workspace_id, body.visitor_id or new_visitor_id(), origin


def _by_page(
    request: Request,
    workspace: WorkspaceId,
    authenticator: AuthenticatorDep,
    body: VisitorRequest,
    allowed: bool,
) -> tuple[WorkspaceId, str, str]:
    if not allowed or body.visitor_id is not None or body.origin is not None:
        raise Forbidden("This needs a key with the scope chat.", code="scope_missing")
    return workspace, new_visitor_id(), authenticator.origin(request)
