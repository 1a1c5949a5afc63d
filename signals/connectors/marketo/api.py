"""How Marketo lets one in, and what its answers mean: errors come inside answers of status 200.

https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from kit.clock import Clock
from signals.connectors.answer import Answer, CredentialsRefused, Standing, Verdict, by_status
from signals.connectors.connector import DeliveryFailed
from signals.connectors.http import Call, HttpClient
from signals.connectors.tokens import Token, bearer

_EXPIRED = frozenset({"600", "601", "602"})  # token missing, invalid, expired
_LOCKED_OUT = frozenset(
    {"603", "614", "616"}
)  # no permission; subscription not found or not of a kind that may
_UNSURE = frozenset({"604", "611", "713"})  # timed out, system error, transient: it may have been taken
# What Marketo says it has not taken, and after how many seconds it is worth asking again.
_NOT_NOW: Mapping[str, float] = {
    "606": 20.0,  # more than 100 calls in 20 seconds
    "607": 3600.0,  # the day's quota, which begins anew at midnight in Chicago
    "608": 30.0,  # the API is not available
    "615": 2.0,  # more than 10 calls at a time
    "1019": 60.0,  # an import of the operator's is under way
    "1022": 30.0,  # the object is in use
    "1029": 60.0,  # too many jobs
}


def judge(answer: Answer) -> Verdict:
    """What an answer of Marketo means for the call as a whole; single records may be skipped nevertheless."""
    body = answer.json_or_none()
    if not 200 <= answer.status < 300:
        return by_status(answer)
    if not isinstance(body, dict):
        return Verdict(Standing.LATER, "the answer is not JSON")
    if body.get("success") is True:
        return Verdict(Standing.DONE)
    code, message = first_error(body)
    return _by_code(code, f"{code} {message}".strip() or "an error without a code")


def _by_code(code: str, said: str) -> Verdict:
    if code in _EXPIRED:
        return Verdict(Standing.EXPIRED, said)
    if code in _LOCKED_OUT:
        return Verdict(Standing.LOCKED_OUT, said)
    if code in _NOT_NOW:
        return Verdict(Standing.LATER, said, _NOT_NOW[code])
    return Verdict(Standing.LATER if code in _UNSURE or not code else Standing.REFUSED, said)


def judge_identity(answer: Answer) -> Verdict:
    """The same for the place that issues tokens, whose good answers know no ``success``."""
    body = answer.json_or_none()
    return judge(answer) if isinstance(body, dict) and "success" in body else by_status(answer)


def first_error(holder: Mapping[str, Any], key: str = "errors") -> tuple[str, str]:
    """Code and message of the first of ``holder``'s errors or reasons; empty without one."""
    errors = holder.get(key) or []
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return str(errors[0].get("code", "")), str(errors[0].get("message", ""))
    return "", ""


class MarketoTokens:
    """Tokens by client credentials (RFC 6749, 4.4); Marketo gives the same one until it has expired."""

    def __init__(self, client: HttpClient, client_id: str, client_secret: SecretStr, clock: Clock) -> None:
        self._client = client
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock

    async def fetch(self) -> Token:
        """A token with the lifetime that it has left. Raises ``CredentialsRefused``, ``DeliveryFailed``."""
        params = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret.get_secret_value(),
        }
        answer = await self._client.send(Call("GET", "/identity/oauth/token", params), accept={400, 401})
        body = answer.json_or_none()
        if answer.status != 200:
            reason = body.get("error", "") if isinstance(body, dict) else ""
            raise CredentialsRefused(f"marketo: no token for this client id: {reason or answer.status}")
        try:
            value, seconds = str(body["access_token"]), float(body["expires_in"])
        except (KeyError, TypeError, ValueError):
            raise DeliveryFailed("marketo: the answer holds no token") from None
        return bearer(value, expires_at=self._clock.now() + timedelta(seconds=seconds))
