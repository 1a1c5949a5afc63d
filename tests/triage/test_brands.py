"""Whose names they are, in any spelling of case, and where they stood."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.brands import THEM, US, Brands, fill

OURS = ("Brightwater", "Brightwater Mobile", "Mini")
THEIRS = ("Quillcom", "Mobile", "C&B")
BRANDS = Brands(OURS, THEIRS)
PARTS = st.sampled_from([*OURS, *THEIRS, "@", "#", " ", "İ", "ß", "to ", "leave "]) | st.text(max_size=4)


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    reads: str
    rivals: tuple[str, ...] = ()


@pytest.mark.parametrize(
    "case",
    [
        Case("ours", "I leave Brightwater.", f"I leave {US}."),
        Case("theirs", "I leave Quillcom.", f"I leave {THEM}.", ("Quillcom",)),
        Case("both", "Quillcom or Brightwater", f"{THEM} or {US}", ("Quillcom",)),
        Case("any case", "BRIGHTWATER, quillcom", f"{US}, {THEM}", ("quillcom",)),
        Case("Turkish capitals", "MİNİ", US),
        Case("handles", "@brightwater #quillcom", f"{US} {THEM}", ("#quillcom",)),
        Case("the longest", "Brightwater Mobile", US),
        Case("one word of it", "Mobile", THEM, ("Mobile",)),
        Case("no letters around", "c&b's", f"{THEM}'s", ("c&b",)),
        Case("part of a word", "Brightwaters, miniature", "Brightwaters, miniature"),
        Case("twice", "Quillcom, Quillcom!", f"{THEM}, {THEM}!", ("Quillcom", "Quillcom")),
        Case("none", "I leave you", "I leave you"),
        Case("nothing", "", ""),
    ],
    ids=lambda case: case.name,
)
def test_a_name_becomes_whose_it_is(case: Case) -> None:
    named = BRANDS.name(case.text)
    assert named.text == case.reads
    assert tuple(case.text[start:end] for start, end in named.rivals) == case.rivals


def test_a_name_that_is_ours_and_theirs_is_ours() -> None:
    assert Brands(["Acme"], ["acme"]).name("ACME").text == US


@pytest.mark.parametrize("brands", [Brands(), Brands([""], [" "])])
def test_without_names_nothing_changes(brands: Brands) -> None:
    named = brands.name("anything at all")
    assert named.text == "anything at all"
    assert named.offsets is None
    assert named.before(3, 5) == (3, 5)


def test_a_name_counts_as_a_whole_where_it_stood() -> None:
    text = "from Quillcom to Brightwater now"
    named = BRANDS.name(text)
    place = named.text.index("competitor")
    assert text[slice(*named.before(place + 2, place + 5))] == "Quillcom"
    assert text[slice(*named.before(named.text.index("to our"), len(named.text)))] == "to Brightwater now"
    assert text[slice(*named.before(0, len(named.text)))] == text
    assert named.before(4, 4) == (4, 4)


@given(st.lists(PARTS, max_size=8).map("".join))
def test_every_other_character_is_found_again(text: str) -> None:
    named = BRANDS.name(text)
    if named.offsets is None:
        assert named.text == text
        return
    assert len(named.offsets) == len(named.text)
    spans = sorted(set(named.offsets))
    assert [start for start, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == len(text)
    for place, (start, end) in enumerate(named.offsets):
        name = text[start:end].lstrip("@#").casefold()
        known = any(name.replace("i̇", "i") == own.casefold() for own in (*OURS, *THEIRS))
        assert known or text[start:end] == named.text[place]


def test_placeholders_are_filled_with_the_same_words() -> None:
    assert fill("{us} or {them}, not {them2}") == f"{US} or {THEM}, not {THEM}"
    assert fill("no {names} here") == "no {names} here"
