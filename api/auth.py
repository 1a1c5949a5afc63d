"""Who is calling: an API key, a visitor of a chat page, or a developer on this very machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import jwt
from jwt.types import Options
from starlette.requests import HTTPConnection

from api.addresses import host_of, host_of_origin, is_loopback_address, is_loopback_host, network_of
from api.errors import Unauthenticated
from api.rate_limit import Limit, RateLimiter
from api.state import ApiConfig
from kit.clock import Clock
from kit.errors import Forbidden, Misconfigured, RateLimited
from kit.ids import WorkspaceId, new_id
from store.access import KEY_PREFIX, Access, Scope

_ALGORITHM = "HS256"
_LEAST_SECRET = 32  # bytes; RFC 7518, 3.2 asks for a key as long as the hash
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_RENEWABLE = timedelta(hours=12)  # after its end a token still proves who the visitor was


class CallerKind(StrEnum):
    """How a caller was recognised."""

    KEY = "key"
    VISITOR = "visitor"
    OPEN = "open"  # development, on loopback


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request, and what they may do. ``visitor_id`` is set for visitors only."""

    workspace_id: WorkspaceId
    kind: CallerKind
    id: str
    scopes: frozenset[Scope]
    visitor_id: str | None = None

    @property
    def is_agent(self) -> bool:
        """Whether they may see what agents see: what triage says of customers."""
        return Scope.AGENT in self.scopes


class VisitorTokens:
    """Short-lived tokens for browsers: JWT (RFC 7519), bound to workspace, visitor and web origin."""

    def __init__(self, secret: bytes, *, lifetime: timedelta, clock: Clock) -> None:
        if len(secret) < _LEAST_SECRET:
            raise Misconfigured(f"The secret for visitor tokens needs {_LEAST_SECRET} bytes or more.")
        self._secret = secret
        self._lifetime = lifetime
        self._clock = clock

    @property
    def lifetime(self) -> timedelta:
        """How long a token is valid."""
        return self._lifetime

    def make(self, workspace_id: WorkspaceId, *, visitor_id: str, origin: str) -> str:
        """A token for the visitor ``visitor_id`` of the page at ``origin``."""
        now = self._clock.now()
        claims = {
            "iss": "careloop",
            "aud": workspace_id,
            "sub": visitor_id,
            "origin": origin,
            "iat": int(now.timestamp()),
            "exp": int((now + self._lifetime).timestamp()),
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def read(self, token: str, *, renewing: bool = False) -> Mapping[str, str]:
        """The claims of a token. Raises ``Unauthenticated`` if it is not ours or over.

        ``renewing`` accepts it for 12 hours more, so that a page left open keeps its conversation.
        """
        options: Options = {
            "verify_exp": False,  # by this server's clock, below
            "verify_aud": False,
            "verify_iat": False,
            "require": ["exp", "aud", "sub", "origin"],
        }
        try:
            claims = jwt.decode(
                token, self._secret, algorithms=[_ALGORITHM], issuer="careloop", options=options
            )
        except jwt.InvalidTokenError:
            raise Unauthenticated("The token is not one of this server's.") from None
        end = claims["exp"] + (_RENEWABLE.total_seconds() if renewing else 0)
        if self._clock.now().timestamp() >= end:
            raise Unauthenticated("The visitor token has expired.", code="token_expired")
        return {name: str(claims[name]) for name in ("aud", "sub", "origin")}


def new_visitor_id() -> str:
    """An identifier for a visitor that nobody knows yet."""
    return new_id("visitor")


class Authenticator:
    """Recognises callers and counts their requests."""

    def __init__(
        self, config: ApiConfig, *, access: Access, tokens: VisitorTokens, limiter: RateLimiter
    ) -> None:
        self._config = config
        self._access = access
        self._tokens = tokens
        self._limiter = limiter

    async def admit(self, connection: HTTPConnection) -> Caller:
        """Whoever sent the request. Raises ``Unauthenticated`` or ``RateLimited``."""
        if self._config.open_access and "authorization" not in connection.headers and is_local(connection):
            return Caller(self._config.workspace, CallerKind.OPEN, "local", frozenset(Scope))
        await self.count_address(connection)
        caller = await self.identify(connection)
        limits = self._config.limits
        await self._count(
            f"{caller.kind}:{caller.workspace_id}:{caller.id}",
            limits.visitor if caller.kind is CallerKind.VISITOR else limits.key,
        )
        return caller

    async def identify(self, connection: HTTPConnection) -> Caller:
        """Whoever sent the request, by credentials alone and not counted. Raises ``Unauthenticated``."""
        kind, _, credentials = connection.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not credentials.strip():
            raise Unauthenticated("Send an API key or a visitor token: `Authorization: Bearer ...`.")
        credentials = credentials.strip()
        if not credentials.startswith(KEY_PREFIX):
            return self._visitor(connection, credentials)
        key = await self._access.authenticate(credentials)
        if key is None:
            raise Unauthenticated("The API key is unknown, expired or revoked.")
        return Caller(key.workspace_id, CallerKind.KEY, key.id, key.scopes)

    async def still_admits(self, connection: HTTPConnection) -> bool:
        """Whether the sender of a request that is still being answered would be let in again."""
        if "authorization" not in connection.headers:
            return True
        try:
            await self.identify(connection)
        except Unauthenticated:
            return False
        return True

    async def count_address(self, connection: HTTPConnection) -> None:
        """Count a request of the sender's network address. Raises ``RateLimited``."""
        address = connection.client.host if connection.client else "local"
        await self._count(f"address:{network_of(address)}", self._config.limits.address)

    def origin(self, connection: HTTPConnection) -> str:
        """The web origin that a browser request comes from: one of ours or one that is allowed.

        Raises ``Forbidden`` for any other.
        """
        origin = connection.headers.get("origin") or own_origin(connection)
        if origin not in self._config.allowed_origins and not _is_own(connection, origin):
            raise Forbidden("Web pages of that origin may not use this server.", code="origin_refused")
        return origin

    def _visitor(self, connection: HTTPConnection, token: str) -> Caller:
        claims = self._tokens.read(token)
        sent = connection.headers.get("origin")
        # Browsers leave Origin out of requests to the page's own server that only read.
        if claims["origin"] != sent and not (sent is None and _is_own(connection, claims["origin"])):
            raise Unauthenticated("The visitor token was made for another web page.", code="wrong_origin")
        visitor = claims["sub"]
        chat_only = frozenset({Scope.CHAT})
        return Caller(WorkspaceId(claims["aud"]), CallerKind.VISITOR, visitor, chat_only, visitor)

    async def _count(self, caller: str, limit: Limit) -> None:
        wait = await self._limiter.take(caller, limit)
        if wait > 0:
            raise RateLimited("Too many requests; wait a moment.", retry_after=wait)


def is_local(connection: HTTPConnection) -> bool:
    """Whether every sign says that a request comes from this very machine.

    A web page that someone here has open could send requests too: its origin gives it away, and DNS
    rebinding by the ``Host``. A forwarded request comes from who knows where.
    """
    headers = connection.headers
    origin = host_of_origin(headers["origin"]) if "origin" in headers else "localhost"
    return (
        connection.client is not None
        and is_loopback_address(connection.client.host)
        and is_loopback_host(host_of(headers.get("host", "")) or "")
        and is_loopback_host(host_of(origin or "") or "")
        and headers.get("sec-fetch-site", "none") != "cross-site"
        and not any(name in headers for name in _FORWARDED)
    )


def require(caller: Caller, scope: Scope) -> Caller:
    """``caller``, if it has ``scope``. Raises ``Forbidden``."""
    if scope not in caller.scopes:
        raise Forbidden(f"This needs a key with the scope {scope}.", code="scope_missing")
    return caller


def own_origin(connection: HTTPConnection) -> str:
    """The origin of pages that this server itself delivers, as the request reached it."""
    return f"{connection.url.scheme}://{connection.headers.get('host', '')}"


def _is_own(connection: HTTPConnection, origin: str) -> bool:
    return host_of_origin(origin) == connection.headers.get("host", "").lower()
