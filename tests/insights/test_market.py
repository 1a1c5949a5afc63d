from __future__ import annotations

from inference.fakes import HashEncoder
from insights.history import Counts
from insights.market import Rivals, competitors, objections, wishes
from insights.quotes import Quoter
from signals.policy import POLICIES
from signals.signal import SignalKind
from tests.insights.said import contact, turn

QUOTER = Quoter("https://care.example")
THRESHOLDS = {kind: policy.threshold for kind, policy in POLICIES.items()}
RIVALS = Rivals(["Lampenladen"], ["Zephyr", "Kappa Net"], THRESHOLDS)
SURE = 0.97


def test_competitors_are_counted_by_name_and_quoted_where_they_are_named() -> None:
    contacts = [
        contact(turn("Hello. ZEPHYR is cheaper. Bye."), name="a"),
        contact(turn("I go to @zephyr"), turn("or to kappa net", name="msg_2"), name="b"),
        contact(turn("Somebody else is cheaper", signals={"competitor": (SURE, ((0, 13),))}), name="c"),
        contact(turn("Lampenladen is fine"), name="d"),
    ]
    before = [Counts(contacts=9) for _ in range(4)]
    found = {one.name: one for one in competitors(contacts, before, rivals=RIVALS, quoter=QUOTER)}
    assert {name: one.count for name, one in found.items()} == {
        "Zephyr": 2,
        "Kappa Net": 1,
        "A competitor that nobody named": 1,
    }
    assert [quote.text for quote in found["Zephyr"].quotes] == ["ZEPHYR is cheaper.", "I go to @zephyr"]
    assert found["Zephyr"].growth is not None
    assert not found["Zephyr"].growth.grows  # two contacts are an anecdote


def test_objections_are_what_contacts_are_about_that_may_leave() -> None:
    leaving = {"churn_risk": (SURE, ((7, 18),))}
    contacts = [
        contact(turn("Hello. I will go now. Thanks.", intent="bill", signals=leaving), name="a"),
        contact(turn("Hm. Hm. I am off then, bye", intent="bill", signals=leaving), name="b"),
        contact(turn("Nothing known, leaving", signals=leaving), name="c"),
        contact(turn("Maybe", intent="bill", signals={"churn_risk": (0.3, ((0, 5),))}), name="d"),
    ]
    found = objections(contacts, thresholds=THRESHOLDS, titles={"bill": "Bills"}, quoter=QUOTER)
    assert [(one.name, one.count) for one in found] == [("Bills", 2), ("Something else", 1)]
    assert found[0].quotes[0].text == "I will go now."


def test_like_wishes_are_one_and_alone_ones_stand_under_their_own_words() -> None:
    asked = {"feature_request": (SURE, ((0, 10),))}
    texts = [
        "Please add a night mode to the app",
        "Add a night mode to the app, please do",
        "Can invoices come as paper",
        "Can invoices come as paper",
    ]
    contacts = [contact(turn(text, signals=asked), name=f"c{k}") for k, text in enumerate(texts)]
    found = wishes(contacts, thresholds=THRESHOLDS, encoder=HashEncoder(dimensions=128), quoter=QUOTER)
    assert [one.count for one in found] == [2, 2]
    assert {one.title for one in found} >= {"Can invoices come as paper"}
    assert all(SignalKind.FEATURE_REQUEST in one.turns[0].signals for one in contacts)
