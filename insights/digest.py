"""A digest: everything that one week said, as values that pages, mails and the API show alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from insights.contact import Ending
from insights.growth import Difference, Growth
from insights.quotes import Quote
from insights.week import Period, Week
from signals.connectors.connector import OutcomeKind
from signals.precision import Interval
from signals.predictions.incidents import Incident


@dataclass(frozen=True, slots=True)
class Theme:
    """What ``count`` contacts are about; ``growth`` is none without weeks to compare with.

    ``is_new`` says that it is a group of like messages that the taxonomy has no intent for.
    """

    name: str
    title: str
    count: int
    growth: Growth | None
    quotes: tuple[Quote, ...]
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Mention:
    """A competitor, or what those who may leave are about, and how many contacts are."""

    name: str
    count: int
    growth: Growth | None
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why sales lost one, in their words, without personal data."""

    kind: str  # of the signal
    reason: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that customers ask the company to offer."""

    title: str
    count: int
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Article:
    """An article that is near a gap; ``similarity`` is the cosine of the question and its passage."""

    title: str
    url: str | None
    document_id: str
    similarity: float


@dataclass(frozen=True, slots=True)
class OutlineSection:
    """A heading, and what people of the company answered to it: their sentences, as they wrote them."""

    heading: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Questions that belong together and that the knowledge base did not answer.

    ``reasons`` say what happened to how many: ``unanswered``, ``disliked``, ``left``. The outline is a draft
    made of quotations; nobody has checked it.
    """

    title: str
    count: int
    reasons: Mapping[str, int]
    questions: tuple[Quote, ...]
    articles: tuple[Article, ...]
    outline: tuple[OutlineSection, ...]


@dataclass(frozen=True, slots=True)
class CampaignEffect:
    """Contacts that mention a campaign, against all others of the week.

    Differences are none where one side has fewer than five: ``sentiment`` of means in [-1, 1], the others of
    shares. ``late`` of the contacts came after it had ended.
    """

    name: str
    starts: date
    ends: date
    count: int
    late: int
    intents: tuple[tuple[str, int], ...]
    sentiment: Difference | None
    unhappy: Difference | None
    handed_over: Difference | None
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """Answers to one question: their number, mean, and of NPS promoters less detractors in [-100, 100]."""

    name: str
    answers: int
    mean: float
    nps: float | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """How customers feel: the share of contacts that are unhappy, now and less that of the weeks before."""

    unhappy: Interval | None
    change: Difference | None
    praise: tuple[Quote, ...]
    complaints: tuple[Quote, ...]
    surveys: tuple[Survey, ...]


@dataclass(frozen=True, slots=True)
class Waits:
    """How long something took: how often it happened, the median and the 90th percentile."""

    count: int
    median: timedelta
    p90: timedelta


@dataclass(frozen=True, slots=True)
class Service:
    """How well care worked.

    ``endings`` are of conversations in which something was asked; to ``waiting`` of those handed over no
    person has written. ``promised`` are first responses that were due by the rules, of which ``broken`` came
    late or not at all; ``deliveries`` of signals to connectors by state.
    """

    conversations: int
    tickets: int
    by_day: tuple[tuple[date, int], ...]
    endings: Mapping[Ending, int]
    shares: Mapping[Ending, Interval]
    by_itself: Interval | None  # the share that the bot ended without a person, confirmed or not
    usual_shares: Mapping[Ending, float]  # of the weeks before
    first_response: Waits | None
    person: Waits | None  # from handover to the first word of a person
    bot: Waits | None  # from a turn to the bot's reply
    waiting: int
    promised: int
    broken: int
    incidents: tuple[Incident, ...]
    signals: Mapping[str, int]
    deliveries: Mapping[str, int]
    outcomes: Mapping[OutcomeKind, int]
    revenue: Mapping[str, float]  # what was won, by currency


@dataclass(frozen=True, slots=True)
class Digest:
    """One week of one workspace.

    ``period`` is as much of it as was over when it was made. ``before`` are the contacts of the weeks before,
    each as long as ``period``, the oldest first. ``notes`` say what it cannot say, and why.
    """

    company: str
    week: Week
    period: Period
    made_at: datetime
    contacts: int
    before: tuple[int, ...]
    volume: Growth | None
    themes: tuple[Theme, ...]
    competitors: tuple[Mention, ...]
    objections: tuple[Mention, ...]
    refusals: tuple[Refusal, ...]
    wishes: tuple[Wish, ...]
    gaps: tuple[Gap, ...]
    campaigns: tuple[CampaignEffect, ...]
    voice: Voice
    service: Service
    notes: tuple[str, ...] = field(default=())

    @property
    def is_over(self) -> bool:
        """Whether the week had ended when it was made."""
        return self.period.end >= self.week.end

    @property
    def growing(self) -> tuple[Theme, ...]:
        """Themes that grow beyond chance."""
        return tuple(theme for theme in self.themes if theme.growth is not None and theme.growth.grows)
