"""Errors of evaluation.

CareloopError
└── InvalidInput
    ├── DatasetInvalid
    └── BaselineInvalid
"""

from __future__ import annotations

from kit.errors import InvalidInput


class DatasetInvalid(InvalidInput):
    """A data set cannot be used; the detail names file, line and reason."""

    code = "dataset_invalid"


class BaselineInvalid(InvalidInput):
    """A baseline or a report to compare with it cannot be read."""

    code = "baseline_invalid"
