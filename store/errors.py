"""Errors of the store.

CareloopError
├── Unavailable
│   └── DatabaseUnavailable
└── Misconfigured
    ├── DatabaseUnwritable
    ├── SchemaOutdated
    └── WrongEncryptionKey
"""

from __future__ import annotations

from kit.errors import Misconfigured, Unavailable


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""

    code = "database_unavailable"


class DatabaseUnwritable(Misconfigured):
    """The database's disk is full or read-only."""

    code = "database_unwritable"


class SchemaOutdated(Misconfigured):
    """The database's schema is not the one this version works with."""

    code = "schema_outdated"


class WrongEncryptionKey(Misconfigured):
    """What is stored was encrypted with another key."""

    code = "wrong_encryption_key"
