"""Errors of retrieval.

CareloopError
├── Unavailable
│   └── IndexUnavailable
└── Misconfigured
    └── IndexEncoderChanged
"""

from __future__ import annotations

from kit.errors import Misconfigured, Unavailable


class IndexUnavailable(Unavailable):
    """The vector index does not answer or cannot be read."""

    code = "index_unavailable"


class IndexEncoderChanged(Misconfigured):
    """The vectors in the index were made by another encoder than the one that would search them."""

    code = "index_encoder_changed"
