from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from insights.campaigns import Campaign, effects, read_campaigns
from insights.contact import Contact
from insights.quotes import Quoter
from insights.week import Week
from signals.errors import SignalDataInvalid
from tests.insights.said import contact, turn

WEEK = Week(2026, 48, ZoneInfo("Europe/London"))
QUOTER = Quoter("https://care.example")
SPRING = Campaign(
    name="Spring",
    starts=date(2026, 11, 1),
    ends=date(2026, 11, 24),
    terms=("spring offer",),
    codes=("SPRING25",),
    urls=("https://care.example/spring/",),
)


def test_the_sample_company_has_campaigns() -> None:
    assert len(read_campaigns().campaigns) >= 3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Is the Spring  Offer still on?", ["Spring  Offer"]),
        ("spring25 does not work", ["spring25"]),
        ("I saw www.care.example/spring?x=1", ["care.example/spring"]),
        ("The spring of my chair; SPRING256; mainspring offers", []),
    ],
)
def test_a_mention_is_a_term_a_code_or_an_address(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in SPRING.places(text)] == found


def _contacts(ours: int, others: int) -> list[Contact]:
    angry = [
        contact(
            turn(f"SPRING25 fails {k}", intent="bill", sentiment=-0.6 - k / 100),
            name=f"o{k}",
        )
        for k in range(ours)
    ]
    calm = [contact(turn(f"How {k}?", sentiment=0.1 + k / 100), name=f"c{k}") for k in range(others)]
    return [*angry, *calm]


def test_an_effect_is_told_with_intervals_against_all_other_contacts() -> None:
    (found,) = effects(_contacts(6, 10), [SPRING], WEEK, titles={"bill": "Bills"}, quoter=QUOTER)
    assert (found.count, found.late, found.intents) == (6, 0, (("Bills", 6),))
    assert found.sentiment is not None
    assert found.sentiment.high < -0.6
    assert found.unhappy is not None
    assert found.unhappy.value == 1.0
    assert [quote.text for quote in found.quotes] == ["SPRING25 fails 0", "SPRING25 fails 1"]


def test_of_a_few_mentions_no_difference_is_told() -> None:
    (found,) = effects(_contacts(4, 10), [SPRING], WEEK, titles={}, quoter=QUOTER)
    assert (found.count, found.sentiment, found.unhappy) == (4, None, None)
    assert found.intents == (("bill", 4),)


def test_a_mention_after_the_end_is_late() -> None:
    late = contact(turn("SPRING25?", at=datetime(2026, 11, 25, 9, tzinfo=UTC)))
    (found,) = effects([late], [SPRING], WEEK, titles={}, quoter=QUOTER)
    assert (found.count, found.late) == (1, 1)


def test_a_campaign_that_is_over_is_told_of_only_if_somebody_mentions_it() -> None:
    over = SPRING.model_copy(update={"ends": WEEK.monday - timedelta(days=1)})
    coming = SPRING.model_copy(update={"starts": WEEK.monday + timedelta(days=8)})
    assert effects([], [over, coming], WEEK, titles={}, quoter=QUOTER) == ()
    assert len(effects([], [SPRING], WEEK, titles={}, quoter=QUOTER)) == 1
    assert len(effects(_contacts(1, 0), [over], WEEK, titles={}, quoter=QUOTER)) == 1


A = "{name: a, starts: 2026-01-01, ends: 2026-02-01, terms: [abc]}"


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        ("{name: a, starts: 2026-02-01, ends: 2026-01-01, terms: [abc]}", "it ends before it starts"),
        ("{name: a, starts: 2026-01-01, ends: 2026-02-01}", "give terms, codes or urls"),
        ("{nam: a, starts: 2026-01-01, ends: 2026-02-01, terms: [abc]}", "it is not known here"),
        (f"{A}, {A}", "'a' is there twice"),
    ],
)
def test_campaigns_of_no_use_are_refused_with_the_reason(tmp_path: Path, listed: str, says: str) -> None:
    file = tmp_path / "campaigns.yaml"
    file.write_text(f"campaigns: [{listed}]")
    with pytest.raises(SignalDataInvalid, match=says):
        read_campaigns(file)
