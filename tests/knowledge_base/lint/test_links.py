from __future__ import annotations

import httpx
import pytest

from kit.ids import DocumentId
from knowledge_base.document import DocumentKind
from knowledge_base.lint.corpus import LintedDocument
from knowledge_base.lint.links import dead_links, dead_outside_links, links_in
from knowledge_base.sources.safe_http import SafeClient

pytestmark = pytest.mark.anyio


def linted(key: str, text: str = "", *, source: str = "s", title: str = "T") -> LintedDocument:
    return LintedDocument(DocumentId(key), source, key, title, text, DocumentKind.ARTICLE, None, None)


OTHERS = (
    linted(
        "billing/refunds.md",
        '## How long?\n\n<a id="Old"></a>\n\n### With `code` and [link](../index.md) {#own}',
        title="R",
    ),
    linted("index.md"),
    linted("plans/index.md"),
    linted("faq.csv#1"),
    linted("elsewhere.md", source="other"),
)


@pytest.mark.parametrize(
    "target",
    [
        "refunds.md", "./refunds.md", "../billing/refunds.md", "/billing/refunds.md", "refunds",
        "refunds.html",
        "refunds.md#how-long", "refunds#r", "refunds.md#old", "refunds.md#own", "../plans/", "../plans",
        "../index.md", "/", "#here", "../faq.csv", "https://x.example/nothing", "mailto:a@b.example",
        "logo.png", "tel:123", "refunds.md#with-code-and-link-own",
    ],
)  # fmt: skip
def test_links_that_lead_somewhere(target: str) -> None:
    document = linted("billing/pay.md", f"# Pay\n\n## Here\n\nSee [this]({target}).")
    assert dead_links([document, *OTHERS]) == []


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("missing.md", "There is no document 'missing.md' in this source."),
        ("../elsewhere.md", "There is no document '../elsewhere.md' in this source."),
        ("refunds.md#nowhere", "The document 'billing/refunds.md' has no section 'nowhere'."),
        ("#nowhere", "The document 'billing/pay.md' has no section 'nowhere'."),
        ("http://[bad", "The link is not a valid address."),
    ],
)
def test_links_that_lead_nowhere(target: str, reason: str) -> None:
    document = linted("billing/pay.md", f"## Here\n\nSee [this]({target}).")
    (finding,) = dead_links([document, *OTHERS])
    assert (finding.reason, finding.places[0].quote) == (reason, f"[this]({target})")


def test_links_of_web_pages_are_not_judged_without_asking() -> None:
    assert dead_links([linted("https://x.example/a", "[b](/nothing.html)")]) == []


def test_links_in_every_spelling() -> None:
    text = '[a](b.md "Title") ![i](p.png) [c](<d.md>) [e]: f.md\n[g]: h.md'
    assert [link.target for link in links_in(text)] == ["b.md", "d.md", "h.md"]


async def test_outside_links_are_asked_for_once() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if request.url.path == "/down":
            raise httpx.ConnectError("refused")
        return httpx.Response(404 if request.url.path == "/gone" else 200)

    text = " ".join(f"[x](https://x.example/{name})" for name in ("gone", "fine", "down")) + " [y](a.md)"
    async with SafeClient(httpx.MockTransport(answer), user_agent="x") as client:
        found = await dead_outside_links([linted("a.md", text), linted("b.md", text)], client)
    assert sorted(asked) == [f"https://x.example/{name}" for name in ("down", "fine", "gone")]
    assert [(finding.places[0].key, finding.reason) for finding in found] == [
        ("a.md", "The page it links to answers with status 404."),
        ("b.md", "The page it links to answers with status 404."),
        ("a.md", "The link cannot be followed: It could not be fetched: refused."),
        ("b.md", "The link cannot be followed: It could not be fetched: refused."),
    ]
