"""Places that documents come from: folders of files, web sites."""

from knowledge_base.sources.folder import FolderSource
from knowledge_base.sources.limits import FileLimits
from knowledge_base.sources.source import (
    Entry,
    EntryState,
    Failure,
    Listed,
    Loaded,
    Skipped,
    Source,
    SourceKind,
    Unchanged,
)
from knowledge_base.sources.website import CrawlLimits, WebsiteSource

__all__ = [
    "CrawlLimits",
    "Entry",
    "EntryState",
    "Failure",
    "FileLimits",
    "FolderSource",
    "Listed",
    "Loaded",
    "Skipped",
    "Source",
    "SourceKind",
    "Unchanged",
    "WebsiteSource",
]
