from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.sources.urls import Scope, canonical_url, is_page, origin


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTPS://User:Pass@Help.Example.:443/a/../b/./c#top", "https://help.example/b/c"),
        ("http://help.example:8080", "http://help.example:8080/"),
        ("http://help.example:80/?b=1&utm_source=x&a=", "http://help.example/?b=1&a="),
        ("https://hilfe.münchen.example/ü b", "https://hilfe.xn--mnchen-3ya.example/%C3%BC%20b"),
        ("https://[2001:db8::1]:444/x", "https://[2001:db8::1]:444/x"),
        ("https://help.example/a%20b/..", "https://help.example/"),
        ("https://help.example/../../x", "https://help.example/x"),
        ("file:///etc/passwd", None),
        ("mailto:a@b.example", None),
        ("https:///nohost", None),
        ("http://[bad", None),
        ("http://help.example:99999/", None),
        ("http://" + "ü" * 80 + ".example/", None),
        ("/relative", None),
        ("https://help.example/" + "x" * 2000, None),
    ],
)
def test_canonical_urls(url: str, expected: str | None) -> None:
    assert canonical_url(url) == expected


@given(st.from_regex(r"https?://[a-z]{1,5}\.example(:\d{2,4})?(/[\w.%~é -]{0,8}){0,4}(\?[\w=&+%é]{0,10})?"))
def test_a_canonical_url_is_canonical(url: str) -> None:
    once = canonical_url(url)
    assert once is None or canonical_url(once) == once


def test_pages_and_other_things() -> None:
    assert is_page("https://help.example/a/b")
    assert is_page("https://help.example/terms.pdf")
    assert not is_page("https://help.example/logo.PNG")
    assert origin("https://help.example:1/a?b") == "https://help.example:1"


@pytest.mark.parametrize(
    ("start", "inside", "outside"),
    [
        ("https://x.example/help/", ["/help/a", "/help/"], ["/help", "/helper", "/"]),
        ("https://x.example/help/index.html", ["/help/a"], ["/a"]),
        ("https://x.example/hc/en-us", ["/hc/en-us", "/hc/en-us/a"], ["/hc/en-usa", "/hc/de"]),
        ("https://x.example/", ["/", "/a"], []),
    ],
)
def test_a_start_page_stands_for_its_part_of_the_site(
    start: str, inside: list[str], outside: list[str]
) -> None:
    scope = Scope.of(start)
    assert all(f"https://x.example{path}" in scope for path in inside)
    assert not any(f"https://x.example{path}" in scope for path in outside)
    assert "https://other.example/help/" not in scope
