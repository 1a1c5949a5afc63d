"""Markdown and plain text files as documents."""

from __future__ import annotations

import frontmatter
import yaml

from knowledge_base.document import Document, DocumentKind
from knowledge_base.errors import CannotLoad
from knowledge_base.sources.canonical import (
    canonical,
    first_of,
    flat_metadata,
    moment,
    one_line,
    split_title,
    title_of_name,
)

_OWN_FIELDS = {"title", "url", "canonical_url", "updated", "updated_at", "last_updated", "modified", "date"}


def article_from_markdown(key: str, stem: str, text: str) -> Document:
    """The document in a Markdown file named ``stem``, with YAML front matter or without.

    The title comes from the front matter (``title``), else from a level-1 heading that opens the text,
    else from the file's name; such a heading is then not repeated in the text. ``url`` and ``updated``
    (``updated_at``, ``last_updated``, ``modified``, ``date``) are taken from the front matter; its other
    fields become metadata. Raises ``CannotLoad`` for front matter that is not YAML.
    """
    text = canonical(text)
    try:
        fields, body = frontmatter.parse(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" near line {mark.line + 2}" if mark is not None else ""
        raise CannotLoad(f"Its front matter is not valid YAML{place}.") from None
    except (
        ValueError,
        TypeError,
        RecursionError,
    ) as error:  # dates out of range, a list where a mapping belongs
        raise CannotLoad(f"Its front matter cannot be used ({type(error).__name__}).") from None
    named = {str(name).strip().lower(): value for name, value in fields.items()}
    return article(key, stem, body, fields=named)


def article(
    key: str, stem: str, text: str, *, fields: dict[str, object] | None = None, url: str | None = None
) -> Document:
    """A document of Markdown ``text`` and what else is known of it: ``fields`` as in front matter."""
    fields = fields or {}
    heading, body = split_title(canonical(text))
    given = first_of(fields, "title")
    title = one_line(str(given)) if given is not None else heading
    if heading is not None and heading != title:
        body = canonical(text)
    address = first_of(fields, "url", "canonical_url")
    return Document(
        key=key,
        title=title or title_of_name(stem),
        text=body,
        kind=DocumentKind.ARTICLE,
        url=one_line(str(address)) if address is not None else url,
        updated_at=moment(first_of(fields, "updated", "updated_at", "last_updated", "modified", "date")),
        metadata=flat_metadata((name, value) for name, value in fields.items() if name not in _OWN_FIELDS),
    )
