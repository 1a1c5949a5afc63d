"""A digest as JSON: what the API answers and webhooks carry. Durations are in seconds."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from insights.contact import Ending
from insights.digest import Digest
from signals.connectors.connector import OutcomeKind


def _seconds(value: object) -> object:
    return value.total_seconds() if isinstance(value, timedelta) else value


Seconds = Annotated[float, BeforeValidator(_seconds)]


class _Part(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class GrowthPart(_Part):
    """A count against the weeks before; the ratio's interval holds 95 %."""

    now: int = Field(examples=[21])
    before: list[int] = Field(description="The oldest week first.", examples=[[9, 8, 10, 7]])
    usual: float = Field(description="Mean of the weeks before.", examples=[8.5])
    ratio: float | None = Field(examples=[2.47])
    low: float = Field(examples=[1.4])
    high: float | None = Field(examples=[4.1])
    p: float = Field(description="How likely as many or more are if nothing changed.", examples=[0.002])
    grows: bool = Field(description="More than chance, all themes of the week considered.", examples=[True])


class QuotePart(_Part):
    """Words of a contact, without personal data."""

    text: str = Field(examples=["My [name] keeps dropping out every evening."])
    contact: str = Field(examples=["conv_06dbn3v0m5s1t7w9yb2d4f6h8k"])
    link: str = Field(examples=["https://care.example/v1/conversations/conv_06dbn3v0m5s1t7w9yb2d4f6h8k"])
    at: datetime = Field(examples=["2026-11-25T10:12:00Z"])


class ThemePart(_Part):
    """What contacts are about; a new theme is one that no intent fits."""

    name: str = Field(examples=["broadband_fault.slow"])
    title: str = Field(examples=["Slow broadband"])
    count: int = Field(examples=[21])
    growth: GrowthPart | None
    quotes: list[QuotePart]
    is_new: bool = Field(examples=[False])


class MentionPart(_Part):
    """A competitor, or what those who may leave are about."""

    name: str = Field(examples=["Skylink"])
    count: int = Field(examples=[6])
    growth: GrowthPart | None
    quotes: list[QuotePart]


class RefusalPart(_Part):
    """Why sales lost one."""

    kind: str = Field(examples=["upsell"])
    reason: str = Field(examples=["Too expensive against their current plan."])


class WishPart(_Part):
    """Something that customers ask for."""

    title: str = Field(examples=["Parental controls in the app"])
    count: int = Field(examples=[4])
    quotes: list[QuotePart]


class ArticlePart(_Part):
    """An article that is near a gap."""

    title: str = Field(examples=["Move home with us"])
    url: str | None = Field(examples=[None])
    document_id: str = Field(examples=["doc_06dbmzzx2c4e6g8j0m2p4r6t8w"])
    similarity: float = Field(description="Cosine of question and passage.", examples=[0.41])


class SectionPart(_Part):
    """A heading of a draft, and what people of the company answered to it."""

    heading: str = Field(examples=["Can I use my own router?"])
    points: list[str] = Field(examples=[["Any router that speaks PPPoE works."]])


class GapPart(_Part):
    """Questions that the knowledge base did not answer; the outline is a draft that nobody has checked."""

    title: str = Field(examples=["Own router"])
    count: int = Field(examples=[5])
    reasons: dict[str, int] = Field(examples=[{"unanswered": 4, "disliked": 1}])
    questions: list[QuotePart]
    articles: list[ArticlePart]
    outline: list[SectionPart]


class DifferencePart(_Part):
    """One figure less another, with its 95 % interval."""

    value: float = Field(examples=[0.12])
    low: float = Field(examples=[0.03])
    high: float = Field(examples=[0.21])


class SharePart(_Part):
    """A share with its 95 % interval (Wilson)."""

    share: float = Field(examples=[0.62])
    low: float = Field(examples=[0.55])
    high: float = Field(examples=[0.69])


class CampaignPart(_Part):
    """Contacts that mention a campaign, against all others of the week."""

    name: str = Field(examples=["Refer a friend"])
    starts: date = Field(examples=["2026-05-18"])
    ends: date = Field(examples=["2027-05-17"])
    count: int = Field(examples=[12])
    late: int = Field(description="After it had ended.", examples=[0])
    intents: list[tuple[str, int]] = Field(examples=[[["Referral credit", 9]]])
    sentiment: DifferencePart | None
    unhappy: DifferencePart | None
    handed_over: DifferencePart | None
    quotes: list[QuotePart]


class SurveyPart(_Part):
    """Answers to one question."""

    name: str = Field(examples=["nps"])
    answers: int = Field(examples=[40])
    mean: float = Field(examples=[8.1])
    nps: float | None = Field(examples=[31.0])


class VoicePart(_Part):
    """How customers feel."""

    unhappy: SharePart | None
    change: DifferencePart | None = Field(description="Against the weeks before.")
    praise: list[QuotePart]
    complaints: list[QuotePart]
    surveys: list[SurveyPart]


class WaitsPart(_Part):
    """How long something took."""

    count: int = Field(examples=[120])
    median: Seconds = Field(examples=[0.4])
    p90: Seconds = Field(examples=[0.9])


class IncidentPart(_Part):
    """An intent that spiked."""

    intent: str = Field(examples=["broadband_fault.no_connection"])
    since: datetime = Field(examples=["2026-11-25T10:00:00Z"])
    at: datetime = Field(examples=["2026-11-25T10:20:00Z"])
    count: int = Field(examples=[31])
    expected: float = Field(examples=[2.4])


class ServicePart(_Part):
    """How well care worked."""

    conversations: int = Field(examples=[212])
    tickets: int = Field(examples=[34])
    by_day: list[tuple[date, int]] = Field(examples=[[["2026-11-23", 31]]])
    endings: dict[Ending, int] = Field(examples=[{"assumed": 130, "handed_over": 40}])
    shares: dict[Ending, SharePart]
    by_itself: SharePart | None
    usual_shares: dict[Ending, float] = Field(examples=[{"assumed": 0.6}])
    first_response: WaitsPart | None
    person: WaitsPart | None
    bot: WaitsPart | None
    waiting: int = Field(examples=[3])
    promised: int = Field(examples=[38])
    broken: int = Field(examples=[2])
    incidents: list[IncidentPart]
    signals: dict[str, int] = Field(examples=[{"churn_risk": 9}])
    deliveries: dict[str, int] = Field(examples=[{"delivered": 20, "dead": 1}])
    outcomes: dict[OutcomeKind, int] = Field(examples=[{"won": 3}])
    revenue: dict[str, float] = Field(examples=[{"GBP": 480.0}])


class DigestDocument(_Part):
    """What one week said."""

    company: str = Field(examples=["Brightwater Broadband"])
    week: str = Field(examples=["2026-W48"])
    time_zone: str = Field(examples=["Europe/London"])
    start: datetime = Field(examples=["2026-11-23T00:00:00Z"])
    end: datetime = Field(description="Of the part that was over.", examples=["2026-11-30T00:00:00Z"])
    is_over: bool = Field(examples=[True])
    made_at: datetime = Field(examples=["2026-11-30T07:00:00Z"])
    contacts: int = Field(examples=[246])
    before: list[int] = Field(description="Contacts of the weeks before.", examples=[[230, 241]])
    volume: GrowthPart | None
    themes: list[ThemePart]
    competitors: list[MentionPart]
    objections: list[MentionPart]
    refusals: list[RefusalPart]
    wishes: list[WishPart]
    gaps: list[GapPart]
    campaigns: list[CampaignPart]
    voice: VoicePart
    service: ServicePart
    notes: list[str] = Field(description="What it cannot say, and why.", examples=[[]])

    @classmethod
    def of(cls, digest: Digest) -> DigestDocument:
        """``digest`` as it is sent."""
        names = set(cls.model_fields) - {"week", "time_zone", "start", "end"}
        return cls.model_validate(
            {
                **{name: getattr(digest, name) for name in names},
                "week": digest.week.name,
                "time_zone": digest.week.zone.key,
                "start": digest.period.start,
                "end": digest.period.end,
            },
            from_attributes=True,
        )
