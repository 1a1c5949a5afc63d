"""The article in an HTML page, as Markdown, without the site around it."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from urllib.parse import urldefrag, urljoin

import trafilatura
from bs4 import BeautifulSoup, Tag
from bs4.dammit import EncodingDetector
from markitdown.converters import HtmlConverter

from knowledge_base.sources.canonical import canonical, one_line

_NEVER_TEXT = (
    "script, style, noscript, template, iframe, object, embed, svg, canvas, form, button, input, select, "
    "dialog, nav, aside, [hidden], [aria-hidden=true], [role=navigation], [role=search], [role=banner], "
    "[role=contentinfo]"
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_AROUND = "header, footer"
_ANCHOR_MARKS = frozenset("#¶§🔗")
_ENOUGH = 40  # characters: a landmark with less is an empty shell, filled by a script that does not run here


@dataclass(frozen=True, slots=True)
class WebPage:
    """What a page says and where it points.

    ``links`` and ``canonical_url`` are absolute, without fragment; links are empty when the page asks not
    to be followed. ``indexable`` is false when it asks not to be indexed.
    """

    title: str
    text: str
    updated: str | None
    links: tuple[str, ...]
    canonical_url: str | None
    indexable: bool


def read_page(html: bytes | str, *, url: str | None = None, encoding: str | None = None) -> WebPage:
    """Read an HTML page found at ``url`` (none for a file, whose links then stay relative).

    The article is what stands in the page's ``main`` or only ``article`` element; without either,
    trafilatura finds it.
    """
    source = html if isinstance(html, str) else _decoded(html, encoding)
    soup = BeautifulSoup(source, "lxml")
    base = urljoin(url, _attribute(soup, "base[href]", "href") or "") if url else None
    robots = (_attribute(soup, 'meta[name="robots" i]', "content") or "").lower()
    links = () if base is None or "nofollow" in robots or "none" in robots else _links(soup, base)
    canonical_href = _attribute(soup, 'link[rel~="canonical" i]', "href")
    page_title = _page_title(soup)
    updated = _updated(soup)
    if base is not None:
        _make_absolute(soup, base)
    text = _article(soup)
    heading = re.search(r"^#[ \t]+(.+)$", text, re.MULTILINE)
    return WebPage(
        title=one_line(heading[1]) if heading else page_title,
        text=text,
        updated=updated,
        links=links,
        canonical_url=urldefrag(urljoin(base, canonical_href)).url if base and canonical_href else None,
        indexable="noindex" not in robots and "none" not in robots,
    )


def html_to_markdown(html: str) -> str:
    """Canonical Markdown of a piece of HTML, all of it."""
    return canonical(HtmlConverter().convert_string(html).markdown)


def _decoded(html: bytes, encoding: str | None) -> str:
    """By the byte order mark, else as the response says, else as the page says, else as browsers guess."""
    html, marked = EncodingDetector.strip_byte_order_mark(html)
    declared = EncodingDetector.find_declared_encoding(html, is_html=True)
    for candidate in filter(None, (marked, encoding, declared, "utf-8")):
        with contextlib.suppress(LookupError, UnicodeDecodeError):
            return html.decode(candidate)
    return html.decode("cp1252", "replace")


def _article(soup: BeautifulSoup) -> str:
    whole = str(soup)
    for element in soup.select(_NEVER_TEXT):
        element.decompose()
    for element in soup.find_all(style=_HIDDEN_STYLE):
        element.decompose()
    for anchor in soup.find_all("a"):
        if anchor.get_text(strip=True) in _ANCHOR_MARKS:
            anchor.decompose()
    root = _landmark(soup)
    if root is not None:
        return html_to_markdown(str(root))
    found = trafilatura.extract(
        whole,
        output_format="markdown",
        include_tables=True,
        include_links=True,
        include_formatting=True,
        include_comments=False,
        favor_recall=True,
    )
    if found and len(found) >= _ENOUGH:
        return canonical(found)
    for element in soup.select(_AROUND):
        element.decompose()
    return html_to_markdown(str(soup.body or soup))


def _landmark(soup: BeautifulSoup) -> Tag | None:
    for selector in ("main", '[role="main"]', "article"):
        found = soup.select(selector)
        if len(found) == 1 and len(found[0].get_text(strip=True)) >= _ENOUGH:
            return found[0]
    return None


def _page_title(soup: BeautifulSoup) -> str:
    heading = soup.find_all("h1")
    if len(heading) == 1 and heading[0].get_text(strip=True):
        return one_line(heading[0].get_text(" "))
    shared = _attribute(soup, 'meta[property="og:title"]', "content")
    return one_line(shared or (soup.title.get_text(" ") if soup.title else ""))


def _updated(soup: BeautifulSoup) -> str | None:
    return (
        _attribute(soup, 'meta[property="article:modified_time"]', "content")
        or _attribute(soup, 'meta[itemprop="dateModified"]', "content")
        or _attribute(soup, 'time[itemprop="dateModified"]', "datetime")
    )


def _links(soup: BeautifulSoup, base: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for anchor in soup.find_all("a", href=True):
        if "nofollow" not in (anchor.get_attribute_list("rel") or ()):
            absolute = _joined(base, str(anchor["href"]))
            if absolute is not None:
                found[urldefrag(absolute).url] = None
    return tuple(found)


def _make_absolute(soup: BeautifulSoup, base: str) -> None:
    for anchor in soup.find_all("a", href=True):
        absolute = _joined(base, str(anchor["href"]))
        if absolute is not None:
            anchor["href"] = absolute


def _joined(base: str, href: str) -> str | None:
    try:
        absolute = urljoin(base, href.strip())
    except ValueError:  # an invalid port or IPv6 address in the page
        return None
    return absolute if absolute.startswith(("http://", "https://")) else None


def _attribute(soup: BeautifulSoup, selector: str, name: str) -> str | None:
    element = soup.select_one(selector)
    value = element.get(name) if element is not None else None
    return str(value).strip() or None if value is not None else None
