"""Errors of triage.

CareloopError
├── InvalidInput
│   └── ExamplesInvalid
└── Misconfigured
    └── ModelUnreadable
"""

from __future__ import annotations

from kit.errors import InvalidInput, Misconfigured


class ExamplesInvalid(InvalidInput):
    """Labelled examples cannot be used; the detail names file, row and reason."""

    code = "examples_invalid"


class ModelUnreadable(Misconfigured):
    """A folder holds no triage model, or one of another encoder."""

    code = "triage_model_unreadable"
