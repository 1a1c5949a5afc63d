"""The one way out to a target: authenticated, paced, retried, bounded, and silent about secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import httpx

from kit.clock import Clock
from kit.privacy import redact
from signals.connectors.answer import (
    Answer,
    CredentialsRefused,
    Judge,
    Standing,
    Verdict,
    by_status,
    retry_after,
)
from signals.connectors.connector import (
    DeliveryFailed,
    DeliveryRefused,
    PreparedRequest,
    TargetResting,
)
from signals.connectors.rate import RateLimit
from signals.connectors.settings import HttpSettings
from signals.connectors.tokens import NO_TOKEN, Token, TokenKeeper, TokenSource
from signals.connectors.waiting import Waiting

_UNDONE = frozenset({HTTPStatus.TOO_MANY_REQUESTS})  # these say that nothing was done
_LONGEST_REASON = 300  # characters of a target's own words in an error
_LONGEST_READ = 4000  # of which these are looked at


@dataclass(frozen=True, slots=True)
class Call:
    """One request before it is sent; ``path`` is a path below the base URL, or a whole URL on its host.

    ``json`` is the body, or ``content`` with its ``content_type``. ``repeatable`` says that sending it twice
    does no more than once: if not, it is not sent again after it may have been
    taken, for the deliverer to look first what became of it.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True


def prepared(base_url: str, calls: Sequence[Call]) -> list[PreparedRequest]:
    """What a dry run shows of ``calls``."""
    return [
        PreparedRequest(
            call.method,
            _url(base_url, call.path) + (f"?{urlencode(call.params)}" if call.params else ""),
            call.json if call.content is None else call.content.decode("utf-8", "replace"),
        )
        for call in calls
    ]


class HttpClient:
    """Calls one target for all tasks of a connector. ``name`` begins every error.

    Every call waits for its turn (``RateLimit``), carries the present token, and is judged by ``judge``: an
    expired token is renewed once, a busy target is called again a few times with full jitter (Brooker,
    "Exponential backoff and jitter", AWS 2015) or after the seconds it asked for. Redirects are not
    followed, proxies of the environment not used.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        settings: HttpSettings,
        clock: Clock,
        waiting: Waiting,
        tokens: TokenSource = NO_TOKEN,
        judge: Judge = by_status,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self.base_url = base_url
        self._settings = settings
        self._clock = clock
        self._waiting = waiting
        self._judge = judge
        self.tokens = TokenKeeper(tokens, clock)
        self._rate = RateLimit(settings.per_second, settings.burst, waiting)
        self._client = httpx.AsyncClient(
            timeout=None,  # noqa: S113 (each call has one for all of it: two cost a tenth of the call)
            limits=httpx.Limits(max_connections=settings.connections),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    async def send(self, call: Call, *, accept: Collection[int] = ()) -> Answer:
        """The answer to ``call``, where it is good or its status is in ``accept``.

        Raises ``DeliveryFailed`` (with ``retry_after``, if the target said so) after the last attempt,
        ``TargetResting`` where it asks for more time than a call waits,
        ``CredentialsRefused`` if it does not let us in, ``DeliveryRefused`` if it will never take the call.
        """
        renewed = False
        attempt = 1
        while True:
            self._respect_pause()
            token = await self.tokens.token()
            try:
                answer = await self._once(call, token)
            except DeliveryFailed:
                if attempt >= self._settings.attempts or not call.repeatable:
                    raise
                verdict, undone = Verdict(Standing.LATER), True
            else:
                verdict, undone = self._verdict(answer, accept), answer.status in _UNDONE
                if verdict.standing is Standing.DONE:
                    return answer
            if verdict.standing is Standing.EXPIRED and self.tokens.renewable and not renewed:
                renewed = True
                await self.tokens.renew(token)
                continue
            await self._wait_or_raise(
                verdict,
                call,
                attempt,
                last=attempt >= self._settings.attempts or not (call.repeatable or undone),
            )
            attempt += 1

    def without_secrets(self, text: str) -> str:
        """A target's own words for an error: shortened, without our token and without personal data."""
        for secret in self.tokens.secrets:
            text = text.replace(secret, "[secret]")
        # Redacted before it is cut: half an address is not known for one.
        return redact(text[:_LONGEST_READ]).text[:_LONGEST_REASON]

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def _respect_pause(self) -> None:
        left = self._rate.paused_for()
        if left > self._settings.longest_wait:
            raise TargetResting(f"{self.name} asked to be left alone for {left:.0f} s.", retry_after=left)

    async def _once(self, call: Call, token: Token) -> Answer:
        await self._rate.acquire()
        request = self._client.build_request(
            call.method,
            _url(token.base_url or self.base_url, call.path),
            params=dict(call.params) or None,
            json=call.json if call.content is None else None,
            content=call.content,
            headers={
                **self._content_type(call),
                "Accept": "application/json",
                **call.headers,
                **token.headers,
            },
        )
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await self._read(request)
        except (httpx.TransportError, TimeoutError) as error:
            # The error's own text may hold the URL, and a URL may hold an address of a person.
            raise DeliveryFailed(f"{self.name} did not answer in full ({type(error).__name__}).") from None

    @staticmethod
    def _content_type(call: Call) -> dict[str, str]:
        return {} if call.content is None else {"Content-Type": call.content_type}

    async def _read(self, request: httpx.Request) -> Answer:
        response = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > self._settings.max_answer_bytes:
                    raise DeliveryRefused(
                        f"{self.name} answered with more than {self._settings.max_answer_bytes} bytes."
                    )
            return Answer(response.status_code, dict(response.headers), bytes(body))
        except httpx.DecodingError:
            raise DeliveryFailed(f"{self.name} sent an answer that cannot be decoded.") from None
        finally:
            await response.aclose()

    def _verdict(self, answer: Answer, accept: Collection[int]) -> Verdict:
        if answer.status in accept:
            return Verdict(Standing.DONE)
        verdict = self._judge(answer)
        asked = verdict.retry_after
        if asked is None:
            asked = retry_after(answer, self._clock.now())
        return Verdict(verdict.standing, verdict.reason or f"status {answer.status}", asked)

    async def _wait_or_raise(self, verdict: Verdict, call: Call, attempt: int, *, last: bool) -> None:
        said = f"{self.name}: {call.method} {self.without_secrets(verdict.reason)}"
        if verdict.standing is Standing.REFUSED:
            raise DeliveryRefused(said)
        if verdict.standing in {Standing.EXPIRED, Standing.LOCKED_OUT}:
            raise CredentialsRefused(said)
        asked = verdict.retry_after
        if asked is not None:
            self._rate.pause(asked)
        if asked is not None and asked > self._settings.longest_wait:
            raise TargetResting(said, retry_after=asked)
        if last:
            raise DeliveryFailed(said, retry_after=asked)
        if asked is None:  # else the pause makes this task wait like all others
            await self._waiting.sleep(self._jitter(attempt))

    def _jitter(self, attempt: int) -> float:
        longest = min(self._settings.longest_wait, self._settings.first_wait * 2.0 ** (attempt - 1))
        return longest * self._waiting.chance()


def _url(base: str, path: str) -> str:
    """``path`` below ``base``, or a whole URL (a next page) of the same host."""
    if path.startswith("/"):
        return base + path
    whole, home = httpx.URL(path), httpx.URL(base)
    if (whole.scheme, whole.host, whole.port) != (home.scheme, home.host, home.port):
        raise DeliveryRefused("The target named a page of another host, which is not followed.")
    return path
