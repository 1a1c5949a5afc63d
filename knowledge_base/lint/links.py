"""Links that lead nowhere: between documents always, to the outside when asked."""

from __future__ import annotations

import asyncio
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from kit.errors import CareloopError
from knowledge_base.inventory import entry_of
from knowledge_base.lint.corpus import LintedDocument
from knowledge_base.lint.finding import Finding, FindingKind
from knowledge_base.sources.safe_http import SafeClient
from knowledge_base.sources.urls import canonical_url

_LINK = re.compile(r"(?<!!)\[(?P<label>[^\]\n]*)\]\(\s*<?(?P<target>[^)\s>]+)>?(?:\s+[\"'(][^)\n]*)?\s*\)")
_DEFINITION = re.compile(r"^\s{0,3}\[[^\]\n]+\]:\s+<?(?P<target>[^\s>]+)>?", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_ANCHOR = re.compile(r"(?:\bid|\bname)=[\"']([^\"']+)[\"']|\{#([\w-]+)\}")
_DOCUMENT_ENDINGS = ("", ".md", ".markdown", ".html", ".htm", ".txt", ".pdf", ".docx", ".pptx", ".xlsx")
_MOST_OUTSIDE = 2000  # links; more would look like an attack to somebody
_AT_ONCE = 8
_PAGE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Link:
    """A link as written, verbatim, and where it points."""

    written: str
    target: str


def links_in(text: str) -> Iterator[Link]:
    """Links of Markdown ``text``, images left out."""
    for pattern in (_LINK, _DEFINITION):
        for match in pattern.finditer(text):
            yield Link(match.group().strip(), match["target"])


def dead_links(documents: Sequence[LintedDocument]) -> list[Finding]:
    """Links to documents and sections that are not in the knowledge base.

    A relative link is looked up among the keys of the same source, with and without the ending of a
    document. What the knowledge base cannot know (pictures, other sites) is not judged.
    """
    keys: dict[str, set[str]] = defaultdict(set)
    for document in documents:
        keys[document.source_id].add(entry_of(document.key))
    anchors: dict[tuple[str, str], set[str]] = defaultdict(set)
    for document in documents:
        anchors[document.source_id, entry_of(document.key)] |= _anchors(document)
    found = []
    for document in documents:
        for link in dict.fromkeys(links_in(document.text)):
            reason = _judge(document, link.target, keys[document.source_id], anchors)
            if reason is not None:
                found.append(Finding(FindingKind.DEAD_LINK, (document.place(link.written),), reason))
    return found


async def dead_outside_links(documents: Sequence[LintedDocument], client: SafeClient) -> list[Finding]:
    """Links to web pages that do not exist, each asked for once; at most 2,000 are."""
    places: dict[str, list[tuple[LintedDocument, Link]]] = defaultdict(list)
    for document in documents:
        for link in dict.fromkeys(links_in(document.text)):
            url = canonical_url(link.target)
            if url is not None:
                places[url].append((document, link))
    turn = asyncio.Semaphore(_AT_ONCE)

    async def ask(url: str) -> str | None:
        async with turn:
            try:
                status = (await client.follow(url, most_bytes=_PAGE_BYTES)).status
            except CareloopError as error:
                return f"The link cannot be followed: {error.detail}"
        return f"The page it links to answers with status {status}." if status in {404, 410} else None

    urls = list(places)[:_MOST_OUTSIDE]
    reasons = await asyncio.gather(*map(ask, urls))
    return [
        Finding(FindingKind.DEAD_LINK, (document.place(link.written),), reason)
        for url, reason in zip(urls, reasons, strict=True)
        if reason is not None
        for document, link in places[url]
    ]


def _judge(
    document: LintedDocument, target: str, keys: set[str], anchors: dict[tuple[str, str], set[str]]
) -> str | None:
    """Why ``target`` leads nowhere; none if it leads somewhere or nobody can tell."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return "The link is not a valid address."
    own = entry_of(document.key)
    if parts.scheme or parts.netloc or canonical_url(own):
        return None  # another site; or a page of a web site, whose links are absolute
    found = own if not parts.path else _find(own, unquote(parts.path), keys)
    if found is None:
        return (
            f"There is no document {unquote(parts.path)!r} in this source."
            if _is_document(parts.path)
            else None
        )
    anchor = unquote(parts.fragment).lower()
    if anchor and anchor not in anchors[document.source_id, found]:
        return f"The document {found!r} has no section {anchor!r}."
    return None


def _find(own: str, path: str, keys: set[str]) -> str | None:
    base = path.lstrip("/") if path.startswith("/") else posixpath.join(posixpath.dirname(own), path)
    key = posixpath.normpath(base) if base else "."
    stem, ending = posixpath.splitext(key)
    tried = [key, *(key + other for other in _DOCUMENT_ENDINGS)]
    if ending in _DOCUMENT_ENDINGS:
        tried += [stem + other for other in _DOCUMENT_ENDINGS]  # the ending that a site generator gives it
    tried += [
        posixpath.normpath(posixpath.join(key, name)) for name in ("index.md", "README.md", "index.html")
    ]
    return next((one for one in tried if one in keys), None)


def _is_document(path: str) -> bool:
    return posixpath.splitext(path.rstrip("/"))[1].lower() in _DOCUMENT_ENDINGS


def _anchors(document: LintedDocument) -> set[str]:
    """Anchors as GitHub and most site generators make them of headings, and those written out."""
    made = {_slug(heading) for heading in (document.title, *_HEADING.findall(document.text))}
    written = {(one or other).lower() for one, other in _ANCHOR.findall(document.text)}
    return made | written


def _slug(heading: str) -> str:
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[*_`]", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
