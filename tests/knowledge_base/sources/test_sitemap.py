from __future__ import annotations

import gzip

import pytest

from knowledge_base.errors import CannotLoad
from knowledge_base.sources.sitemap import Sitemap, read_sitemap

MEGABYTE = 1_000_000
NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
PAGES = (
    f"<urlset {NAMESPACE}><url><loc> https://x.example/a </loc><lastmod>2026-01-02</lastmod></url>"
    "<url><loc>https://x.example/b</loc></url><url><loc></loc></url><!-- done --></urlset>"
).encode()
EXPECTED = Sitemap((("https://x.example/a", "2026-01-02"), ("https://x.example/b", None)), ())


@pytest.mark.parametrize(
    "data",
    [PAGES, gzip.compress(PAGES, mtime=0), b"\xef\xbb\xbf" + PAGES, PAGES.replace(NAMESPACE.encode(), b"")],
)
def test_pages_are_listed(data: bytes) -> None:
    assert read_sitemap(data, most_bytes=MEGABYTE) == EXPECTED


def test_an_index_lists_sitemaps() -> None:
    data = f"<sitemapindex {NAMESPACE}><sitemap><loc>https://x.example/1.xml</loc></sitemap></sitemapindex>"
    assert read_sitemap(data.encode(), most_bytes=MEGABYTE) == Sitemap((), ("https://x.example/1.xml",))


def test_a_text_file_will_do() -> None:
    found = read_sitemap(b"https://x.example/a\nhttps://x.example/b\n", most_bytes=MEGABYTE)
    assert found.pages == (("https://x.example/a", None), ("https://x.example/b", None))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<html></html>", "not a sitemap but <html>"),
        (b"<urlset><url>", "not valid XML"),
        (b"hello there", "not a sitemap"),
        (b"", "not a sitemap"),
        (gzip.compress(b" " * 2 * MEGABYTE, mtime=0), "unpacks to more"),
        (gzip.compress(PAGES, mtime=0)[:40], "damaged"),
        (
            b'<!DOCTYPE a [<!ENTITY b "'
            + b"x" * 1000
            + b'">]><urlset>'
            + b"&b;" * 9
            + b"<url><loc>&b;</loc></url></urlset>",
            "",
        ),
    ],
)
def test_anything_else_is_refused_or_harmless(data: bytes, reason: str) -> None:
    if not reason:  # entities are not expanded
        assert read_sitemap(data, most_bytes=MEGABYTE).pages == ()
        return
    with pytest.raises(CannotLoad, match=reason):
        read_sitemap(data, most_bytes=MEGABYTE)
