"""HTTP to addresses that others chose: within a size, within a time, never into our own network."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import httpx

from knowledge_base.errors import CannotLoad

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response, read. ``location`` is where a redirect points, made absolute; none if it is none."""

    url: str
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def location(self) -> str | None:
        """Where it redirects to."""
        target = str(self.headers.get("location", ""))
        if self.status not in _REDIRECTS or not target:
            return None
        try:
            return urljoin(self.url, target)
        except ValueError:
            return None

    @property
    def content_type(self) -> str:
        """Lower case, without parameters; empty if none is given."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        """As the Content-Type header says."""
        for parameter in str(self.headers.get("content-type", "")).split(";")[1:]:
            name, _, value = parameter.strip().partition("=")
            if name.lower() == "charset" and value:
                return value.strip("\"' ")
        return None


class SafeClient:
    """Fetches what strangers name: within a size, within a time, never into one's own network.

    ``seconds`` bounds a whole response, however slowly it drips. Redirects are not followed by
    ``get``; each hop that ``follow`` takes is vetted like a first request.
    """

    def __init__(
        self, transport: httpx.AsyncBaseTransport, *, user_agent: str, seconds: float = 30.0
    ) -> None:
        self._seconds = seconds
        self._client = httpx.AsyncClient(
            transport=transport,
            headers={"User-Agent": user_agent, "Accept-Encoding": "gzip"},
            timeout=httpx.Timeout(10.0),
            follow_redirects=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def get(self, url: str, *, most_bytes: int, headers: Mapping[str, str] | None = None) -> Fetched:
        """Fetch ``url``. Cookies are not kept.

        Raises ``UnsafeAddress``, or ``CannotLoad`` with the reason: no connection, too slow, too large.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._get(url, most_bytes, headers or {})
        except TimeoutError:
            raise CannotLoad(f"It took longer than {self._seconds:.0f} seconds to answer.") from None
        except httpx.InvalidURL:
            raise CannotLoad("It is not a valid URL.") from None
        except httpx.TimeoutException:
            raise CannotLoad("It did not answer in time.") from None
        except httpx.HTTPError as error:
            raise CannotLoad(f"It could not be fetched: {str(error) or type(error).__name__}.") from None

    async def follow(self, url: str, *, most_bytes: int, hops: int = 5) -> Fetched:
        """Fetch ``url`` and what it redirects to, up to ``hops`` times. Raises as ``get`` does."""
        for _ in range(hops + 1):
            fetched = await self.get(url, most_bytes=most_bytes)
            if fetched.location is None:
                return fetched
            url = fetched.location
        raise CannotLoad(f"It redirects more than {hops} times.")

    async def _get(self, url: str, most_bytes: int, headers: Mapping[str, str]) -> Fetched:
        self._client.cookies.clear()
        async with self._client.stream("GET", url, headers=headers) as response:
            if int(response.headers.get("content-length") or 0) > most_bytes:
                raise CannotLoad(f"It is larger than {most_bytes:,} bytes.")
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > most_bytes:
                    raise CannotLoad(f"It is larger than {most_bytes:,} bytes.")
            return Fetched(str(response.url), response.status_code, response.headers, bytes(body))
