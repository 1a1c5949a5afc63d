"""The root of every error this project raises on purpose.

CareloopError
├── InvalidInput        the caller sent something that cannot be used
├── NotFound            no such thing in this workspace
├── Conflict            the thing is not in a state that allows this
├── Forbidden           the caller may not do this
├── RateLimited         the caller must wait
├── Misconfigured       the operator must change a setting, file or model
└── Unavailable         a part we depend on does not answer; try again

Each package derives its own from these; ``api/errors.py`` alone turns a class into an HTTP status.
"""

from __future__ import annotations


class CareloopError(Exception):
    """An error with a stable code that says what went wrong, and a sentence that says what to do.

    ``code`` is part of the API: clients switch on it, so it never changes once published.
    ``detail`` is shown to the caller: it never holds secrets or another customer's data.
    """

    code = "internal"
    title = "Something went wrong"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class InvalidInput(CareloopError):
    """The caller sent something that cannot be used."""

    code = "invalid_input"
    title = "The request cannot be used as it is"


class NotFound(CareloopError):
    """There is no such thing in this workspace."""

    code = "not_found"
    title = "Not found"


class Conflict(CareloopError):
    """The thing is not in a state that allows this."""

    code = "conflict"
    title = "Not possible in the present state"


class Forbidden(CareloopError):
    """The caller may not do this."""

    code = "forbidden"
    title = "Not allowed"


class RateLimited(CareloopError):
    """The caller must wait ``retry_after`` seconds."""

    code = "rate_limited"
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after: float) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Misconfigured(CareloopError):
    """The operator must change a setting, a file or a model."""

    code = "misconfigured"
    title = "Careloop is not set up correctly"


class Unavailable(CareloopError):
    """A part that this depends on does not answer; trying again later may help."""

    code = "unavailable"
    title = "Temporarily unavailable"
