"""What is new in a message, and that every word of it is found again in the original."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.reading import LONGEST, Cut, read_message

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
BLOB = base64.b64encode(b"".join(hashlib.sha256(bytes([number])).digest() for number in range(60))).decode()
BLOB_LINES = "\n".join(BLOB[place : place + 76] for place in range(0, len(BLOB), 76))


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    reads: str
    cut: frozenset[Cut] = frozenset()


def quoted(name: str, text: str, reads: str) -> Case:
    return Case(name, text, reads, frozenset({Cut.QUOTED}))


def signed(name: str, text: str, reads: str) -> Case:
    return Case(name, text, reads, frozenset({Cut.SIGNATURE}))


QUOTES = (
    quoted(
        "english", "No.\n\nOn Mon, 5 Jan 2026 at 10:00, Ann <ann@example.org> wrote:\n> old\n> older\n", "No."
    ),
    quoted("wrapped", "No.\n\nOn Mon, 5 Jan 2026 at 10:00, Ann Lee\n<ann@example.org>\nwrote:\n> old", "No."),
    quoted("nothing marked", "No.\n\nOn 5 Jan 2026 Ann wrote:\n\nold\n\nolder", "No."),
    quoted(
        "german",
        "Nein.\n\nAm Mo., 5. Jan. 2026 um 10:00 Uhr schrieb Ann <ann@example.org>:\n\n> alt",
        "Nein.",
    ),
    quoted("name first", "Nein.\n\nAnn Lee <ann@example.org> schrieb am 5.1.2026 um 10:00:\nalt", "Nein."),
    quoted(
        "french", "Non.\n\nLe lun. 5 janv. 2026 à 10:00, Ann <ann@example.org> a écrit :\n> vieux", "Non."
    ),
    quoted(
        "spanish", "No.\n\nEl lun, 5 ene 2026 a las 10:00, Ann (<ann@example.org>) escribió:\n> viejo", "No."
    ),
    quoted("italian", "No.\n\nIl giorno lun 5 gen 2026 alle ore 10:00 Ann ha scritto:\n> vecchio", "No."),
    quoted("dutch", "Nee.\n\nOp ma 5 jan 2026 om 10:00 schreef Ann <ann@example.org>:\n> oud", "Nee."),
    quoted("separator", "No.\n\n-----Original Message-----\nFrom: Ann\nSubject: x\n\nold", "No."),
    quoted(
        "german outlook",
        "Nein.\n\nVon: Laden\nGesendet: Montag, 5. Januar\nAn: Max\nBetreff: x\n\nalt",
        "Nein.",
    ),
    quoted(
        "rule",
        f"No.\n{'_' * 32}\nFrom: Ann <ann@example.org>\nSent: Monday\nTo: us\nSubject: x\n\nold",
        "No.",
    ),
    quoted("bold", "No.\n\n*From:* Ann\n*Sent:* Monday\n*To:* us\n*Subject:* x\n\nold", "No."),
    quoted("french outlook", "Non.\n\nDe : Ann\nEnvoyé : lundi\nÀ : nous\nObjet : x\n\nvieux", "Non."),
    quoted("spanish outlook", "No.\n\nDe: Ann\nEnviado el: lunes\nPara: todos\nAsunto: x\n\nviejo", "No."),
    quoted(
        "answers below",
        "On 5 Jan 2026 Ann wrote:\n> Which?\nThe blue one.\n> When?\nToday.",
        "The blue one.\nToday.",
    ),
    quoted("in one line", "No! On Mon, 5 Jan 2026 Ann <ann@example.org> wrote: old things", "No!"),
    quoted("reply above", "No.\n\n##- Please type your reply above this line -##\n\nold", "No."),
    Case("no quote: a story", "On 3 March I wrote:\nit is broken", "On 3 March I wrote:\nit is broken"),
    Case(
        "no quote: eine Geschichte",
        "Am 3.11. schrieb ich Ihnen:\nkaputt",
        "Am 3.11. schrieb ich Ihnen:\nkaputt",
    ),
    Case(
        "no quote: a journey", "From: Berlin\nTo: Paris\nDate: 3 May", "From: Berlin\nTo: Paris\nDate: 3 May"
    ),
)
SIGNATURES = (
    signed("delimiter", "Broken.\n\n-- \nMax Muster\nHauptstr. 1\n", "Broken."),
    signed("device", "Broken.\n\nSent from my iPhone", "Broken."),
    signed("deutsches Gerät", "Kaputt.\nVon meinem iPhone gesendet", "Kaputt."),
    signed("appareil", "Cassé.\n\nEnvoyé de mon iPhone", "Cassé."),
    signed("dispositivo", "Roto.\n\nEnviado desde mi Samsung Galaxy", "Roto."),
    signed("app", "Broken.\n\nGet Outlook for iOS<https://example.org>", "Broken."),
    signed(
        "german",
        "Kaputt.\n\nMit freundlichen Grüßen\n\nMax Muster\nMuster GmbH\nAm Weg 1\n12345 Berlin\nFax 1",
        "Kaputt.",
    ),
    signed("both", "Kaputt.\n\nVielen Dank und viele Grüße\nMax M.", "Kaputt."),
    signed("thanks", "Broken.\n\nThanks,\nJohn Smith\nHead of IT\nAcme Ltd", "Broken.\nThanks,"),
    Case("thanks first", "Thank you\nI got it but it is broken.", "Thank you\nI got it but it is broken."),
    signed("short", "geht nicht\nLG Max", "geht nicht"),
    signed("english", "Broken.\n\nKind regards,\nMax Muster | Muster Ltd | +44 20 7946 0000", "Broken."),
    signed("french", "Cassé.\n\nBien cordialement,\nAnne", "Cassé."),
    signed("spanish", "Roto.\n\nUn cordial saludo,\nAna", "Roto."),
    signed("italian", "Rotto.\n\nCordiali saluti\nAnna", "Rotto."),
    signed("dutch", "Stuk.\n\nMet vriendelijke groet,\nAnna", "Stuk."),
    signed(
        "the order stays", "Kaputt.\n\nViele Grüße\nMax\nBestellnummer 4711", "Kaputt.\nBestellnummer 4711"
    ),
    signed(
        "a sentence stays",
        "Broken.\nRegards\nMax\nPS: when will somebody call me?",
        "Broken.\nPS: when will somebody call me?",
    ),
    signed(
        "disclaimer",
        "Broken.\n\nThis e-mail and any attachment is confidential and intended solely for the\naddressee. "
        "If you are not the intended recipient, delete it.\n",
        "Broken.",
    ),
    Case(
        "no disclaimer",
        "This e-mail was confidential, who read it?",
        "This e-mail was confidential, who read it?",
    ),
    Case("no closing", "Sent from my account twice, 40 euros", "Sent from my account twice, 40 euros"),
    Case("only a closing", "Best regards", "Best regards"),
    Case("a list", "broken:\n- lamp\n- box", "broken:\n- lamp\n- box"),
)
NOISE = (
    Case("blob", f"see this\n{BLOB_LINES}\nthanks", "see this\nthanks", frozenset({Cut.BASE64})),
    Case("long blob", f"see {BLOB} thanks", "see\nthanks", frozenset({Cut.BASE64})),
    Case("data", "see data:image/png;base64,iVBORw0KGgo= here", "see\nhere", frozenset({Cut.BASE64})),
    Case("scream", "a" * 300, "a" * 300),
    Case("white space", "a\t b\u00a0\u00a0c \r\n\r\n\r\n d", "a b c\nd"),
    Case("controls", "a\x00b\u200bc\ufeff \x1b[0m", "abc [0m"),
    Case("surrogate", "a\ud800b", "ab"),
    Case("emoji", "👩\u200d👧 ❤\ufe0f", "👩\u200d👧 ❤\ufe0f"),
    Case(
        "wrapped by the mail program",
        "my order that I placed with you two weeks ago has still not been\ndelivered",
        "my order that I placed with you two weeks ago has still not been delivered",
    ),
)


@pytest.mark.parametrize("case", [*QUOTES, *SIGNATURES, *NOISE], ids=lambda case: case.name)
def test_only_what_is_new_is_read(case: Case) -> None:
    reading = read_message(case.text)
    assert reading.text == case.reads
    assert reading.dropped == case.cut
    assert all(
        case.text[slice(*reading.original_span(place, place + 1))] == character
        for place, character in enumerate(reading.text)
        if not character.isspace()
    )


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


@dataclass(frozen=True)
class Titled:
    subject: str
    text: str
    reads: str


@pytest.mark.parametrize(
    "case",
    [
        Titled("Router dead", "please help", "Router dead\nplease help"),
        Titled(" Router\tdead ", "", "Router dead"),
        Titled("Re: Your order", "thanks, solved", "thanks, solved"),
        Titled("AW: Re[2]: Kündigung", "👍", "Kündigung\n👍"),
        Titled("Fwd: Your order", "what is this about then?", "Your order\nwhat is this about then?"),
        Titled("Router dead", "Router dead since noon", "Router dead since noon"),
        Titled("Re:", "hello", "hello"),
    ],
    ids=lambda case: case.subject,
)
def test_a_subject_is_read_where_it_is_new(case: Titled) -> None:
    reading = read_message(case.text, subject=case.subject)
    assert reading.text == case.reads
    body = reading.text[reading.body_start :]
    assert case.text[slice(*reading.original_span(0, len(reading.text)))] == body


FORWARDED = "---------- Forwarded message ---------\nFrom: A <a@a.example>\nSubject: x\n\nThe box is dead."


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("> The box\n> is dead.", "The box\nis dead."),
        (FORWARDED, "The box is dead."),
        (f"FYI\n\n{FORWARDED}", "FYI\nThe box is dead."),
        (f"{FORWARDED}\n\nOn 5 Jan 2026 B wrote:\n> deep", "The box is dead."),
        ("On 5 Jan 2026 A wrote:\n\n> > The box is dead.", "The box is dead."),
        ("Am 5.1.2026 schrieb A:\n\nKaputt.\n\n-- \nMax", "Kaputt."),
    ],
)
def test_a_mail_that_is_only_a_quote_is_about_it(text: str, reads: str) -> None:
    assert read_message(text).text == reads


def test_a_log_keeps_how_it_begins_and_what_went_wrong() -> None:
    lines = [
        f"2026-01-05 10:{number // 60:02}:{number % 60:02} INFO request {number} handled"
        for number in range(2_000)
    ]
    lines[1_500] = "2026-01-05 10:25:00 ERROR disk full on box-7"
    reading = read_message("It stops every night:\n" + "\n".join(lines) + "\nWhat shall I do?")
    assert reading.text.splitlines() == [
        "It stops every night:",
        *lines[:3],
        lines[1_500],
        "What shall I do?",
    ]
    assert reading.dropped == {Cut.LOG}


def test_a_stack_trace_keeps_its_error() -> None:
    trace = (
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\n'
        '  File "b.py", line 2, in g\n'
        '    h()\n  File "c.py", line 3, in h\n    raise it\nValueError: no such box'
    )
    reading = read_message(f"It crashes\n{trace}")
    assert reading.text.splitlines()[-1] == "ValueError: no such box"
    assert "h()" not in reading.text
    assert Cut.LOG in reading.dropped


def test_a_few_times_of_day_are_no_log() -> None:
    text = "10:00:00 I called\n10:30:00 you hung up\n11:00:00 I called again"
    assert read_message(text).text == text


def test_a_long_text_keeps_how_it_begins_and_ends() -> None:
    reading = read_message("\n".join(["My box is dead.", *["It goes on and on."] * 2_000, "Please call me."]))
    assert len(reading.text) <= LONGEST
    assert reading.text.startswith("My box is dead.")
    assert reading.text.endswith("Please call me.")
    assert reading.dropped == {Cut.TOO_LONG}


@pytest.mark.parametrize(
    ("text", "empty"), [(None, True), ("", True), ("👍 12 !", True), ("ok", False), ("是", False)]
)
def test_a_message_without_words_is_empty(text: str | None, empty: bool) -> None:
    assert read_message(text).empty is empty


PIECES = (
    "word ",
    "It is. ",
    "\n",
    "\n\n",
    "> ",
    "-- \n",
    "Regards\n",
    "On 5 Jan 2026 Ann wrote:\n",
    "From: a@b\n",
    "Sent: x\n",
    "<p>",
    "</p>",
    "<blockquote>",
    "</div>",
    "&amp;",
    "&#0;",
    "<",
    '="',
    "<!--",
    "\u200b",
    "\t",
    "10:00:00 INFO a\n",
    BLOB_LINES,
    "Sent from my iPhone\n",
    "é",
    "👍",
)
MAILS = st.one_of(ANY_TEXT, st.lists(st.sampled_from(PIECES), max_size=40).map("".join))


@given(MAILS, st.one_of(st.none(), ANY_TEXT))
def test_each_character_of_a_text_stands_where_it_stood(text: str, subject: str | None) -> None:
    reading = read_message(text, subject=subject, html=False)
    for place in range(reading.body_start, len(reading.text)):
        character = reading.text[place]
        shown = text[slice(*reading.original_span(place, place + 1))]
        assert shown == character or (character.isspace() and not shown.strip())
    assert len(reading.offsets) == len(reading.text)


@given(MAILS, st.integers(0, 200), st.integers(0, 200))
def test_a_span_holds_the_words_of_the_reading_in_order(text: str, start: int, end: int) -> None:
    reading = read_message(text, html=False)
    left, right = reading.original_span(start, end)
    rest = iter(text[left:right])
    assert all(character in rest for character in reading.text[start:end] if not character.isspace())


@given(MAILS, st.one_of(st.none(), ANY_TEXT), st.one_of(st.none(), st.booleans()))
def test_anything_is_read(text: str, subject: str | None, html: bool | None) -> None:
    reading = read_message(text, subject=subject, html=html)
    assert len(reading.text) <= LONGEST + 301
    assert len(reading.offsets) == len(reading.text)
    assert all(0 <= start <= end <= len(text) for start, end in reading.offsets)
    assert reading.text.encode().decode() == reading.text  # no half of a surrogate pair
