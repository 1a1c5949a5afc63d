from __future__ import annotations

from collections import Counter

from inference.fakes import HashEncoder
from insights.contact import Contact
from insights.digest import Theme
from insights.history import Counts
from insights.quotes import Quoter
from insights.themes import themes
from tests.insights.said import contact, turn

ENCODER = HashEncoder(dimensions=256)
GIFT = "gift card balance missing from the gift card"


def _themes(contacts: list[Contact], before: list[Counts]) -> tuple[Theme, ...]:
    return themes(
        contacts,
        before,
        titles={"bill": "High bill"},
        encoder=ENCODER,
        known={},
        quoter=Quoter("https://care.example"),
    )


def _bills(count: int) -> list[Contact]:
    return [
        contact(turn(f"My bill is far too high this month, number {k}", intent="bill"), name=f"b{k}")
        for k in range(count)
    ]


def test_what_grows_comes_first_whatever_its_size() -> None:
    slow = [contact(turn("Slow again, as it was", intent="slow"), name=f"s{k}") for k in range(9)]
    before = [Counts(intents=Counter(bill=12, slow=1)) for _ in range(6)]
    found = _themes([*_bills(12), *slow], before)
    assert [(one.name, one.count) for one in found] == [("slow", 9), ("bill", 12)]
    assert [one.growth is not None and one.growth.grows for one in found] == [True, False]
    assert found[1].title == "High bill"


def test_a_contact_about_two_things_counts_for_both_and_twice_for_none() -> None:
    both = contact(
        turn("My bill is high", intent="bill"),
        turn("And it is slow", name="msg_2", intent="slow"),
        turn("The bill, I said", name="msg_3", intent="bill"),
    )
    assert {one.name: one.count for one in _themes([both], [])} == {"bill": 1, "slow": 1}


def test_what_no_intent_fits_is_grouped_over_the_weeks_and_named_without_anybody() -> None:
    personal = {"Zorblax": "name"}
    now = [
        contact(turn(f"Zorblax here: {GIFT} number {word}"), name=f"g{word}", personal=personal)
        for word in ("one", "two", "three", "four", "five", "six")
    ]
    past = [f"[name] here: {GIFT} number {word}" for word in ("seven", "eight")]
    before = [Counts(unscoped=[past[0]]), Counts(), Counts(unscoped=[past[1]]), Counts()]
    (theme,) = _themes(now, before)
    assert (theme.count, theme.is_new) == (6, True)
    assert theme.growth is not None
    assert (theme.growth.before, theme.growth.grows) == ((1, 0, 1, 0), True)
    assert "gift" in theme.title.lower()
    assert "zorblax" not in repr(theme).lower()
    assert len(theme.quotes) == 2


def test_the_same_words_are_quoted_once_and_sentences_before_single_words() -> None:
    contacts = [
        contact(turn("Bill", intent="bill"), name="a"),
        contact(turn("My bill is far too high", intent="bill"), name="b"),
        contact(turn("My bill is far too high", intent="bill"), name="c"),
    ]
    (theme,) = _themes(contacts, [])
    assert [quote.text for quote in theme.quotes] == ["My bill is far too high", "Bill"]
    assert theme.growth is None
