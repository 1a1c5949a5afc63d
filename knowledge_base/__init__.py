"""What the company knows: sources, documents, passages, and keeping them in step."""

from kit.pinned_http import UnsafeAddress
from knowledge_base.catalogue import Catalogue
from knowledge_base.document import Document, DocumentKind, Passage, PassageDraft, PassageKind
from knowledge_base.errors import (
    CannotLoad,
    DocumentUnknown,
    EncoderChanged,
    SourceInvalid,
    SourceUnavailable,
    SourceUnknown,
    SyncRunning,
    SyncSuperseded,
    WorkspaceUnknown,
)
from knowledge_base.records import (
    DocumentPage,
    DocumentRecord,
    IngestionRecord,
    IngestionState,
    KnowledgeHealth,
    SourceRecord,
    VersionRecord,
)
from knowledge_base.report import SyncProgress, SyncReport
from knowledge_base.sources import (
    CrawlLimits,
    Failure,
    FileLimits,
    FolderSource,
    Source,
    SourceKind,
    WebsiteSource,
)
from knowledge_base.sync import Synchroniser

__all__ = [
    "CannotLoad",
    "Catalogue",
    "CrawlLimits",
    "Document",
    "DocumentKind",
    "DocumentPage",
    "DocumentRecord",
    "DocumentUnknown",
    "EncoderChanged",
    "Failure",
    "FileLimits",
    "FolderSource",
    "IngestionRecord",
    "IngestionState",
    "KnowledgeHealth",
    "Passage",
    "PassageDraft",
    "PassageKind",
    "Source",
    "SourceInvalid",
    "SourceKind",
    "SourceRecord",
    "SourceUnavailable",
    "SourceUnknown",
    "SyncProgress",
    "SyncReport",
    "SyncRunning",
    "SyncSuperseded",
    "Synchroniser",
    "UnsafeAddress",
    "VersionRecord",
    "WebsiteSource",
    "WorkspaceUnknown",
]
