"""A digest on paper: HTML, Markdown, JSON and pictures say the same, and nothing that they should not."""

from __future__ import annotations

import json
import re
import struct
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from insights import words
from insights.delivery.edition import Edition
from insights.document import DigestDocument
from insights.plots import pictures
from kit.ids import DEFAULT_WORKSPACE
from tests.insights.weeks import AWKWARD, empty, full

SAID = [
    "Slow broadband", "Bridge mode", "Skylink is cheaper.", "I leave.", "Too expensive.", "A night mode",
    "Any router works.", "Which colour is it?", "SPRING25 fails", "You are great.", "You are not.",
    "2 after it had", "churn risk 4", "delivered 7, dead 1", "won 2", "GBP 480.00", "2 of 12",
    "31 contacts about outage", "Autumn", "nobody has checked it", "Routers (0.41)", "CSAT", "NPS +33",
    "Compared with 4 weeks",
]  # fmt: skip
SECTIONS = ("Themes", "Competitors", "Campaigns", "What matters")


class Page(HTMLParser):
    """Every tag with its attributes, and the text that is shown; refuses tags that do not match."""

    void = frozenset({"meta", "br", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def edition() -> Edition:
    return Edition(DEFAULT_WORKSPACE, full())


def test_the_page_says_all_of_it_and_is_sound(edition: Edition) -> None:
    page = Page(edition.html())
    assert [said for said in SAID if said not in page.text] == []
    assert AWKWARD in page.text  # as text: nothing of it became a tag
    assert {"script", "style", "link", "iframe", "form"} & {tag for tag, _ in page.tags} == set()


def test_nothing_is_fetched_from_anywhere(edition: Edition) -> None:
    page = Page(edition.html())
    sources = [attributes.get("src") or "" for tag, attributes in page.tags if tag == "img"]
    assert len(sources) == 3
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert links == {"https://care.example/v1/conversations/conv_1"}
    assert "url(" not in edition.html()


def test_every_picture_says_in_words_what_it_shows(edition: Edition) -> None:
    alts = [attributes["alt"] or "" for tag, attributes in Page(edition.html()).tags if tag == "img"]
    assert "W44 50" in alts[0]
    assert "Slow broadband 3.3 × the usual 9.5" in alts[1]
    assert "handed over to a person 25 %" in alts[2]


def test_pictures_are_png_twice_as_fine_as_they_are_shown_and_always_the_same() -> None:
    first, again = pictures(full()), pictures(full())
    assert list(first) == ["volume", "endings", "themes"]
    for name, picture in first.items():
        assert picture.png == again[name].png
        width, height = struct.unpack(">II", picture.png[16:24])
        assert (width, round(height / 2)) == (1120, pytest.approx(picture.height, abs=2))


def test_markdown_says_all_of_it_and_no_words_of_customers_are_markup(edition: Edition) -> None:
    text = edition.markdown()
    plain = re.sub(r"\\(.)", r"\1", text)
    assert [said for said in SAID if said not in plain] == []
    assert r"\<script\>" in text
    assert r"\*boo\* \| \[x\](y)" in text
    assert "![" not in text
    assert "![Contacts by week" in edition.markdown(lambda picture: f"{picture.name}.png")


def test_json_has_every_figure(edition: Edition) -> None:
    found = json.loads(edition.json)
    assert (found["week"], found["time_zone"], found["is_over"]) == ("2026-W48", "Europe/London", True)
    assert found["themes"][0]["growth"]["grows"] is True
    assert found["service"]["person"] == {"count": 9, "median": 0.4, "p90": 4200.0}
    assert DigestDocument.model_validate(found).contacts == 61


def test_an_empty_week_says_so_and_shows_no_empty_sections() -> None:
    edition = Edition(DEFAULT_WORKSPACE, empty())
    for text in (Page(edition.html()).text, edition.markdown()):
        assert "Nobody wrote in this week" in text
        assert not [
            title for title in ("Themes", "Competitors", "Campaigns", "What matters") if title in text
        ]
    assert edition.pictures == {}
    assert json.loads(edition.json)["contacts"] == 0


def test_the_subject_says_what_grows() -> None:
    assert words.subject(full()) == "Brightwater & Co, week 48: Slow broadband grows — 61 contacts"
    assert words.subject(empty()) == "Brightwater & Co, week 48 — 0 contacts"


def test_highlights_begin_with_what_grows() -> None:
    found = words.highlights(full())
    assert found[0].startswith("Slow broadband grows: 31 contacts, 3.3 × the usual 9.5")
    assert "Fewer customers than usual are unhappy: -20 points (-30 to -10)." in found
    assert words.highlights(empty()) == []


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0.4 s"), (59.9, "59.9 s"), (720, "12 min"), (19800, "5.5 h"), (200000, "2.3 days")],
)
def test_waits_are_said_in_a_unit_that_fits(seconds: float, said: str) -> None:
    assert words.wait(timedelta(seconds=seconds)) == said
