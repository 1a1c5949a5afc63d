"""Errors of the knowledge base.

CareloopError
├── InvalidInput
│   ├── CannotLoad            one file, page or row; reported in its place, the rest goes on
│   └── SourceInvalid
├── NotFound
│   ├── DocumentUnknown
│   ├── SourceUnknown
│   └── WorkspaceUnknown
├── Conflict
│   ├── SyncRunning
│   └── SyncSuperseded
├── Misconfigured
│   └── EncoderChanged
└── Unavailable
    └── SourceUnavailable
"""

from __future__ import annotations

from kit.errors import Conflict, InvalidInput, Misconfigured, NotFound, Unavailable


class CannotLoad(InvalidInput):
    """One file, page or row cannot be turned into a document; ``detail`` is the reason a person reads."""

    code = "document_unreadable"


class SourceInvalid(InvalidInput):
    """There is nothing at this location that could be a source."""

    code = "source_invalid"


class DocumentUnknown(NotFound):
    """There is no such document, or no such version of it, in this workspace."""

    code = "document_not_found"


class SourceUnknown(NotFound):
    """There is no such source in this workspace."""

    code = "source_not_found"


class WorkspaceUnknown(NotFound):
    """There is no such workspace."""

    code = "workspace_not_found"


class SyncRunning(Conflict):
    """Another process is bringing this source up to date."""

    code = "sync_running"


class SyncSuperseded(Conflict):
    """The run was taken for dead and another took its place; what it had committed stands."""

    code = "sync_superseded"


class EncoderChanged(Misconfigured):
    """The index was made with another encoder, or an earlier rebuild of it was cut short."""

    code = "encoder_changed"


class SourceUnavailable(Unavailable):
    """The source does not answer; nothing of it was changed."""

    code = "source_unavailable"
