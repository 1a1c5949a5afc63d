from __future__ import annotations

import pytest

from tests.triage.reading.mails import Case, quoted, signed
from triage.reading import Cut, read_message

HTML = (
    Case("entities", "<p>R&amp;D is <b>bro</b>ken&nbsp;now</p>", "R&D is broken now"),
    Case("blocks", "<div>one</div><div>two<br>three</div><ul><li>four</ul>", "one\ntwo\nthree\nfour"),
    Case("source lines", "<p>one\n  two</p>", "one two"),
    quoted(
        "gmail", '<div>new</div><div class="gmail_quote"><div>On 5 Jan Ann wrote:<br></div>old</div>', "new"
    ),
    quoted("apple", '<p>new</p><blockquote type="cite"><div>old</div></blockquote>', "new"),
    quoted(
        "nested", "<p>new</p><blockquote>a<blockquote>b</blockquote>c</blockquote><p>more</p>", "new\nmore"
    ),
    quoted("outlook", '<p>new</p><div id="divRplyFwdMsg">From: A</div><div>old</div>', "new"),
    quoted(
        "outlook desktop", '<p>new</p><div style="border-top:solid #E1E1E1 1.0pt">x</div><p>old</p>', "new"
    ),
    quoted(
        "words", "<p>No.</p><p>On Mon, 5 Jan 2026 Ann &lt;ann@example.org&gt; wrote:</p><p>old</p>", "No."
    ),
    signed("signature", '<p>new</p><div class="gmail_signature">Max</div>', "new"),
    Case("unread", "<style>p{}</style><script>if (a<b) {}</script><p>new</p><!-- note -->", "new"),
    Case("hidden", '<div style="display: none">preview</div><p>new</p>', "new"),
    Case(
        "attributes",
        '<a title="a>b" href=x>link</a> <img alt=">"> <p>1 < 2 and "a"</p>',
        'link\n1 < 2 and "a"',
    ),
)


@pytest.mark.parametrize("case", HTML, ids=lambda case: case.name)
def test_html_is_read_as_words(case: Case) -> None:
    reading = read_message(case.text, html=True)
    assert reading.text == case.reads
    assert reading.dropped == case.cut | {Cut.HTML}


def test_a_word_of_html_is_found_in_its_source() -> None:
    source = "<p>The &quot;Box&quot; &amp; lamp</p>"
    reading = read_message(source)

    def shown(words: str) -> str:
        start = reading.text.index(words)
        return source[slice(*reading.original_span(start, start + len(words)))]

    assert reading.text == 'The "Box" & lamp'
    assert (shown("Box"), shown('"Box"'), shown("&"), shown("lamp")) == (
        "Box",
        "&quot;Box&quot;",
        "&amp;",
        "lamp",
    )


@pytest.mark.parametrize(
    ("text", "is_html"),
    [
        ("<html><body>a</body></html>", True),
        ("one<br>two<br/>three", True),
        ("<div dir=ltr>a</div>", True),
        ("if a < b and c > d", False),
        ("a <script> of mine", False),
        ("Ann <ann@example.org>", False),
    ],
)
def test_html_is_told_from_text(text: str, is_html: bool) -> None:
    assert (Cut.HTML in read_message(text).dropped) is is_html


def test_html_is_left_as_it_is_when_it_is_text() -> None:
    assert read_message("<b>a</b><br>", html=False).text == "<b>a</b><br>"
