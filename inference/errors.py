"""Errors of models.

CareloopError
├── Misconfigured
│   ├── ModelMissing
│   └── ModelRejected
└── Unavailable
    └── ModelUnavailable
        ├── ModelTimeout
        ├── ModelRateLimited
        ├── ModelMalformed
        └── ModelRefused
"""

from __future__ import annotations

from kit.errors import Misconfigured, Unavailable


class ModelMissing(Misconfigured):
    """The configured model is not where the settings say, or is of a kind that cannot be run."""

    code = "model_missing"


class ModelRejected(Misconfigured):
    """The model's server does not accept the key, or the kind of request that is sent to it."""

    code = "model_rejected"


class ModelUnavailable(Unavailable):
    """The model's server does not answer, or not in time."""

    code = "model_unavailable"


class ModelTimeout(ModelUnavailable):
    """The model took longer than the settings allow."""

    code = "model_timeout"


class ModelRateLimited(ModelUnavailable):
    """The model's server asks to wait longer than an answer may take; ``retry_after`` in seconds if said."""

    code = "model_rate_limited"

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class ModelMalformed(ModelUnavailable):
    """The model's server answered, but not with what was asked for."""

    code = "model_malformed"


class ModelRefused(ModelUnavailable):
    """The model, or the filter in front of it, declined to answer."""

    code = "model_refused"
