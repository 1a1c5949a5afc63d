"""Errors of models.

CareloopError
├── Misconfigured
│   └── ModelMissing
└── Unavailable
    └── ModelUnavailable
"""

from __future__ import annotations

from kit.errors import Misconfigured, Unavailable


class ModelMissing(Misconfigured):
    """The configured model is not where the settings say, or is of a kind that cannot be run."""

    code = "model_missing"


class ModelUnavailable(Unavailable):
    """The model's server does not answer, or not in time."""

    code = "model_unavailable"
