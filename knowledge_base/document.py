"""What a source yields and what the index holds: documents, and passages cut from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kit.ids import DocumentId, PassageId, VersionId


class DocumentKind(StrEnum):
    """How a document is laid out, which decides how it is split."""

    ARTICLE = "article"
    QUESTION_ANSWER = "question_answer"  # title is the question, text the answer: one passage


class PassageKind(StrEnum):
    """What a passage looks like, which decides how it may be quoted."""

    PROSE = "prose"
    STEPS = "steps"  # an ordered list: quoted whole or not at all
    LIST = "list"
    TABLE = "table"  # a Markdown pipe table: quoted with its header row
    QUESTION_ANSWER = "question_answer"


@dataclass(frozen=True, slots=True)
class Document:
    """One article, page, file or question/answer pair as its source has it now.

    ``key`` names it within its source (a relative path, a URL, a row id). ``text`` is canonical
    Markdown: every offset anywhere in Careloop counts characters of it. ``metadata`` holds flat
    facts that a search may filter by (section, audience, language, ...).
    """

    key: str
    title: str
    text: str
    kind: DocumentKind = DocumentKind.ARTICLE
    url: str | None = None
    updated_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) of everything that would change an answer: title, text, kind, url, metadata."""
        parts = [self.title, self.text, self.kind, self.url, sorted(self.metadata.items())]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PassageDraft:
    """A contiguous slice ``document.text[start:end] == text`` before it has been stored.

    ``headings`` is the path of headings above it, outermost first, without the title. ``context`` is
    text that belongs with it for search though it stands elsewhere (a table's header row, a list's
    lead-in); it is never quoted.
    """

    ordinal: int
    start: int
    end: int
    text: str
    kind: PassageKind
    headings: tuple[str, ...] = ()
    context: str = ""

    def embedding_text(self, title: str) -> str:
        """What the encoder reads: title, heading path, context and text, one under the other."""
        path = " › ".join((title, *self.headings))
        return "\n".join(part for part in (path, self.context, self.text) if part)


@dataclass(frozen=True, slots=True)
class Passage:
    """A stored passage, with what a citation of it needs.

    ``start`` and ``end`` are offsets in the canonical text of version ``version_id``, of which
    ``text`` is that slice, verbatim.
    """

    id: PassageId
    document_id: DocumentId
    version_id: VersionId
    document_key: str
    title: str
    url: str | None
    ordinal: int
    start: int
    end: int
    text: str
    kind: PassageKind
    headings: tuple[str, ...] = ()
    context: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
