"""Sitemaps: which pages a site wants known (https://www.sitemaps.org/protocol.html)."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass

from lxml import etree  # type: ignore[import-untyped]  # ships no types

from knowledge_base.errors import CannotLoad

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Sitemap:
    """``pages``: URL and date of last change as written, if any. ``sitemaps``: URLs of further sitemaps."""

    pages: tuple[tuple[str, str | None], ...]
    sitemaps: tuple[str, ...]


def read_sitemap(data: bytes, *, most_bytes: int) -> Sitemap:
    """Read a sitemap or an index of sitemaps, compressed or not, or a text file with one URL per line.

    Raises ``CannotLoad`` for anything else, and beyond ``most_bytes`` uncompressed.
    """
    if data.startswith(_GZIP):
        data = _unpacked(data, most_bytes)
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        lines = data.decode("utf-8", "replace").split()
        if not lines or not all(line.startswith(("http://", "https://")) for line in lines):
            raise CannotLoad("It is not a sitemap.")
        return Sitemap(tuple((line, None) for line in lines), ())
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, recover=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise CannotLoad(f"The sitemap is not valid XML: {error.msg}.") from None
    match etree.QName(root).localname:
        case "urlset":
            return Sitemap(tuple(_located(root, "url")), ())
        case "sitemapindex":
            return Sitemap((), tuple(url for url, _ in _located(root, "sitemap")))
        case name:
            raise CannotLoad(f"It is not a sitemap but <{name}>.")


def _located(root: etree._Element, name: str) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    for element in root.iterchildren(f"{{*}}{name}"):
        location = (element.findtext("{*}loc") or "").strip()
        if location:
            found.append((location, (element.findtext("{*}lastmod") or "").strip() or None))
    return found


def _unpacked(data: bytes, most_bytes: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            unpacked = packed.read(most_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise CannotLoad(f"The compressed sitemap is damaged: {error}.") from None
    if len(unpacked) > most_bytes:
        raise CannotLoad(f"The sitemap unpacks to more than {most_bytes:,} bytes.")
    return unpacked
