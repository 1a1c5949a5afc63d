"""A Salesforce access token for a key of our own: OAuth 2.0 JWT bearer flow (RFC 7523)."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlencode

import jwt
from pydantic import TypeAdapter, ValidationError

from kit.clock import Clock
from kit.errors import Misconfigured
from signals.connectors.answer import Answer, CredentialsRefused
from signals.connectors.connector import DeliveryFailed
from signals.connectors.http import Call, HttpClient
from signals.connectors.salesforce.settings import SalesforceSettings
from signals.connectors.settings import BaseUrl
from signals.connectors.tokens import Token, bearer

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LASTS = timedelta(minutes=3)  # the longest that Salesforce takes an assertion for
_NOT_LET_IN = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_URL: TypeAdapter[str] = TypeAdapter(BaseUrl)


class JwtBearer:
    """Signs an assertion for each token it asks for. ``client`` calls ``login_url``, without a token.

    Salesforce does not say how long a token lasts (the org's session timeout): it is renewed when refused.
    """

    def __init__(self, settings: SalesforceSettings, client: HttpClient, clock: Clock) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock

    async def fetch(self) -> Token:
        """A fresh token and the org's URL.

        Raises ``DeliveryFailed``, ``CredentialsRefused``, or ``Misconfigured`` for a key that cannot sign.
        """
        form = urlencode({"grant_type": _GRANT, "assertion": self._assertion()}).encode()
        call = Call(
            "POST", "/services/oauth2/token", content=form, content_type="application/x-www-form-urlencoded"
        )
        answer = await self._client.send(call, accept=_NOT_LET_IN)
        if answer.status in _NOT_LET_IN:
            raise CredentialsRefused(f"Salesforce issues no token: {_reason(answer)}.")
        said = answer.json()
        try:
            return bearer(str(said["access_token"]), base_url=_URL.validate_python(said["instance_url"]))
        except (KeyError, TypeError, ValidationError):
            raise DeliveryFailed("Salesforce's token answer lacks a token or the URL of an org.") from None

    def _assertion(self) -> str:
        claims = {
            "iss": self._settings.consumer_key,
            "sub": self._settings.username,
            "aud": self._settings.audience or self._settings.login_url,
            "exp": int((self._clock.now() + _LASTS).timestamp()),
        }
        try:
            return jwt.encode(claims, self._settings.private_key.get_secret_value(), algorithm="RS256")
        except (jwt.InvalidKeyError, ValueError, TypeError) as error:
            raise Misconfigured(
                f"Salesforce's private key cannot sign ({type(error).__name__}): an RSA key in PEM is needed."
            ) from None


def _reason(answer: Answer) -> str:
    said = answer.json_or_none()
    if isinstance(said, dict):
        words = (said.get("error"), said.get("error_description"))
        return ", ".join(str(word)[:150] for word in words if word)
    return f"status {answer.status}"
