"""Digests as values, for what renders and sends them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from insights.contact import Ending
from insights.digest import (
    Article,
    CampaignEffect,
    Digest,
    Gap,
    Mention,
    OutlineSection,
    Refusal,
    Service,
    Survey,
    Theme,
    Voice,
    Waits,
    Wish,
)  # fmt: skip
from insights.growth import Difference, growths
from insights.quotes import Quote
from insights.week import Week
from signals.connectors.connector import OutcomeKind
from signals.precision import wilson
from signals.predictions.incidents import Incident

LONDON = ZoneInfo("Europe/London")
WEEK = Week(2026, 48, LONDON)
MADE = datetime(2026, 11, 30, 7, tzinfo=UTC)
WAITS = Waits(9, timedelta(seconds=0.4), timedelta(minutes=70))
AWKWARD = 'It says <script>alert("1")</script> *boo* | [x](y) & more'


def quote(text: str, name: str = "conv_1") -> Quote:
    return Quote(text, name, f"https://care.example/v1/conversations/{name}", WEEK.start)


def full(text: str = AWKWARD) -> Digest:
    """A digest in which every section is filled; ``text`` is what customers write in it."""
    growth = growths({"slow": (31, [9, 10, 8, 11]), "bill": (10, [9, 12, 10, 9]), "new": (5, [0, 0, 0, 0])})
    difference = Difference(-0.2, -0.3, -0.1)
    return Digest(
        company="Brightwater & Co",
        week=WEEK,
        period=WEEK.until(MADE),
        made_at=MADE,
        contacts=61,
        before=(50, 55, 52, 51),
        volume=growths({"contacts": (61, [50, 55, 52, 51])})["contacts"],
        themes=(
            Theme("slow", "Slow broadband", 31, growth["slow"], (quote(text),)),
            Theme("new", "Bridge mode", 5, growth["new"], (quote("And bridge mode?"),), is_new=True),
            Theme("bill", "High bill", 10, growth["bill"], ()),
        ),
        competitors=(Mention("Skylink", 6, growth["bill"], (quote("Skylink is cheaper."),)),),
        objections=(Mention("High bill", 4, None, (quote("I leave."),)),),
        refusals=(Refusal("upsell", "Too expensive."),),
        wishes=(Wish("A night mode", 2, (quote("A night mode"),)),),
        gaps=(
            Gap("Own router", 3, {"unanswered": 2, "disliked": 1}, (quote("Can I use my own?"),),
                (Article("Routers", None, "doc_1", 0.41),),
                (OutlineSection("Can I use my own?", ("Any router works.",)),
                 OutlineSection("Which?", ()))),
            Gap("Which colour is it?", 1, {"left": 1}, (quote("Which colour is it?"),), (),
                (OutlineSection("Which colour is it?", ()),)),
        ),
        campaigns=(
            CampaignEffect("Spring", date(2026, 11, 1), date(2026, 11, 24), 7, 2, (("High bill", 3),),
                           difference, difference, None, (quote("SPRING25 fails"),)),
            CampaignEffect("Autumn", date(2026, 9, 1), date(2026, 12, 1), 0, 0, (), None, None, None, ()),
        ),
        voice=Voice(wilson(9, 60), difference, (quote("You are great."),), (quote("You are not."),),
                    (Survey("csat", 12, 4.2), Survey("nps", 9, 8.1, 33.0))),
        service=_service(),
        notes=("Compared with 4 weeks; there are no more.",),
    )  # fmt: skip


def empty() -> Digest:
    """A week in which nobody wrote."""
    filled = full()
    nothing = dict.fromkeys(
        ("themes", "competitors", "objections", "refusals", "wishes", "gaps", "campaigns"), ()
    )
    service = replace(
        filled.service, conversations=0, tickets=0, by_day=(), endings=dict.fromkeys(Ending, 0), shares={},
        usual_shares={}, by_itself=None, first_response=None, person=None, bot=None, waiting=0, promised=0,
        broken=0, incidents=(), signals={}, deliveries={}, outcomes={}, revenue={},
    )  # fmt: skip
    return replace(
        filled,
        contacts=0,
        before=(),
        volume=None,
        voice=Voice(None, None, (), (), ()),
        service=service,
        notes=("Nobody wrote in this week, so there is nothing to report.",),
        **nothing,  # type: ignore[arg-type]  # each is a tuple
    )


def _service() -> Service:
    endings = {Ending.CONFIRMED: 8, Ending.ASSUMED: 30, Ending.HANDED_OVER: 15, Ending.ABANDONED: 7}
    return Service(
        conversations=60,
        tickets=1,
        by_day=((WEEK.monday, 61),),
        endings=endings,
        shares={ending: wilson(count, 60) for ending, count in endings.items()},
        by_itself=wilson(38, 60),
        usual_shares=dict.fromkeys(Ending, 0.25),
        first_response=WAITS,
        person=WAITS,
        bot=WAITS,
        waiting=3,
        promised=12,
        broken=2,
        incidents=(Incident("outage", WEEK.start, WEEK.start + timedelta(minutes=20), 31, 2.4),),
        signals={"churn_risk": 4},
        deliveries={"delivered": 7, "dead": 1},
        outcomes={OutcomeKind.WON: 2},
        revenue={"GBP": 480.0},
    )
