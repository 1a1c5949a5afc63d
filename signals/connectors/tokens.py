"""What a connector shows to be let in: one token for all its tasks, fetched once and renewed once."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from kit.clock import Clock

_EARLY = timedelta(seconds=30)  # renewed before it ends, so that it does not end on its way


@dataclass(frozen=True, slots=True)
class Token:
    """Proof of who calls. ``base_url`` is where the issuer says to call, if it says so.

    ``headers`` is what goes with each request; ``secrets`` are words that no error may repeat.
    """

    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    expires_at: datetime | None = None
    base_url: str | None = None


def bearer(value: str, *, expires_at: datetime | None = None, base_url: str | None = None) -> Token:
    """``Authorization: Bearer`` (RFC 6750)."""
    return Token({"Authorization": f"Bearer {value}"}, (value,), expires_at, base_url)


def basic(user: str, password: str) -> Token:
    """``Authorization: Basic`` (RFC 7617)."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return Token({"Authorization": f"Basic {pair}"}, tuple(word for word in (user, password, pair) if word))


class TokenSource(Protocol):
    """Whoever issues tokens."""

    async def fetch(self) -> Token:
        """A fresh token. Raises ``DeliveryFailed``, or ``CredentialsRefused`` where it will not issue one."""
        ...


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A token that the operator entered; asking again gives the same."""

    token: Token

    async def fetch(self) -> Token:
        """The token."""
        return self.token


NO_TOKEN = FixedToken(Token({}, ()))


class TokenKeeper:
    """Keeps the present token of ``source``; a hundred tasks that need a new one fetch it once."""

    def __init__(self, source: TokenSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: Token | None = None

    @property
    def renewable(self) -> bool:
        """Whether asking again may give another token."""
        return not isinstance(self._source, FixedToken)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no error may repeat."""
        return self._token.secrets if self._token else ()

    async def token(self) -> Token:
        """The present token; a fresh one if there is none, or if it ends in under half a minute."""
        token = self._token
        return token if token and self._lasts(token) else await self.renew(token)

    async def renew(self, old: Token | None) -> Token:
        """A token that is not ``old``: a fresh one, unless another task has fetched one meanwhile."""
        async with self._lock:
            if self._token is None or self._token is old:
                self._token = await self._source.fetch()
            return self._token

    def _lasts(self, token: Token) -> bool:
        return token.expires_at is None or token.expires_at - _EARLY > self._clock.now()
