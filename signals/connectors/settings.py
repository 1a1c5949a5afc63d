"""What every connector's settings have in common; each connector adds its own."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _safe_url(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("must be a URL of a host and a path, without user, query or fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("must begin with https:// (http:// is for this machine only)")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_safe_url)]


class HttpSettings(BaseModel):
    """How a connector calls. Seconds everywhere.

    ``timeout`` holds for a whole call, answer included; ``attempts`` are made at once before the queue
    tries again later; a ``Retry-After`` beyond ``longest_wait`` is left to the queue.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: PositiveFloat = 20.0
    attempts: PositiveInt = 3
    first_wait: PositiveFloat = 0.5
    longest_wait: PositiveFloat = 8.0
    per_second: PositiveFloat = 10.0
    burst: PositiveInt = 10
    max_answer_bytes: PositiveInt = 4 * 1024 * 1024
    connections: Annotated[int, Field(ge=1, le=100)] = 10
