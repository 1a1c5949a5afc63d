"""Citations: the exact words of a document version that support a sentence."""

from __future__ import annotations

from bot.answer import Citation
from knowledge_base.document import Passage


def cite(passage: Passage, start: int, end: int) -> Citation:
    """The citation of ``passage.text[start:end]``, trimmed of surrounding white space.

    Offsets of the result count characters of the canonical text of the passage's version. Raises
    ``ValueError`` when the span is empty or leaves the passage.
    """
    if not 0 <= start < end <= len(passage.text):
        raise ValueError(f"no span [{start}, {end}) in a passage of {len(passage.text)} characters")
    piece = passage.text[start:end]
    quote = piece.strip()
    if not quote:
        raise ValueError(f"nothing but white space in [{start}, {end})")
    begin = passage.start + start + len(piece) - len(piece.lstrip())
    return Citation(
        document_id=passage.document_id,
        version_id=passage.version_id,
        passage_id=passage.id,
        quote=quote,
        start=begin,
        end=begin + len(quote),
        title=passage.title,
        headings=passage.headings,
        url=passage.url,
    )


def is_verbatim(citation: Citation, version_text: str) -> bool:
    """Whether the quote stands in the canonical text of its version where the citation says it does."""
    return version_text[citation.start : citation.end] == citation.quote
