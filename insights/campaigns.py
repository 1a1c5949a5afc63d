"""Campaigns as data (``campaigns.yaml``), and what contacts that mention one are like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from insights.contact import Contact, Ending, Turn
from insights.digest import CampaignEffect
from insights.growth import Difference, mean_difference, share_difference
from insights.quotes import Quoter, few
from insights.week import Week
from signals.data_file import read_data

SHIPPED = Path(__file__).with_name("campaigns.yaml")
_INTENTS, _QUOTES = 3, 2
Name = Annotated[str, Field(min_length=1, max_length=80)]
Term = Annotated[str, Field(min_length=3, max_length=200)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Campaign(_Data):
    """One campaign, from the day ``starts`` to the day ``ends``, both included."""

    name: Name
    starts: date
    ends: date
    terms: tuple[Term, ...] = ()
    codes: tuple[Term, ...] = ()
    urls: tuple[Term, ...] = ()

    @model_validator(mode="after")
    def _can_be_mentioned(self) -> Self:
        if self.ends < self.starts:
            raise ValueError("it ends before it starts")
        if not (self.terms or self.codes or self.urls):
            raise ValueError("give terms, codes or urls: nothing else says that a contact mentions it")
        return self

    def places(self, text: str) -> tuple[tuple[int, int], ...]:
        """Where ``text`` mentions it."""
        return tuple(match.span() for match in self._pattern.finditer(text))

    @property
    def _pattern(self) -> re.Pattern[str]:
        words = [rf"(?<!\w){_spaced(term)}(?!\w)" for term in (*self.terms, *self.codes)]
        urls = [re.escape(url.removeprefix("https://").rstrip("/")) for url in self.urls]
        return re.compile("|".join([*words, *urls]), re.IGNORECASE)


class Campaigns(_Data):
    """All of them."""

    campaigns: tuple[Campaign, ...]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [one.name for one in self.campaigns]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the campaign {twice!r} is there twice")
        return self


def read_campaigns(file: Path = SHIPPED) -> Campaigns:
    """The campaigns of a YAML file. Raises ``SignalDataInvalid``."""
    return read_data(file, Campaigns)


def effects(
    contacts: Sequence[Contact],
    campaigns: Iterable[Campaign],
    week: Week,
    *,
    titles: Mapping[str, str],
    quoter: Quoter,
) -> tuple[CampaignEffect, ...]:
    """What contacts of ``week`` say to each campaign that runs in it, or that somebody mentions."""
    found = []
    for campaign in campaigns:
        runs = campaign.starts <= Week.of(week.end, week.zone).monday and campaign.ends >= week.monday
        mentions = [
            (contact, place) for contact in contacts if (place := _mention(contact, campaign)) is not None
        ]
        if runs or mentions:
            found.append(_effect(campaign, contacts, mentions, week, titles=titles, quoter=quoter))
    return tuple(sorted(found, key=lambda effect: (-effect.count, effect.name)))


Place = tuple[Turn, tuple[tuple[int, int], ...]]


def _mention(contact: Contact, campaign: Campaign) -> Place | None:
    for turn in contact.turns:
        spans = campaign.places(turn.text)
        if spans:
            return turn, spans
    return None


def _effect(
    campaign: Campaign,
    contacts: Sequence[Contact],
    mentions: Sequence[tuple[Contact, Place]],
    week: Week,
    *,
    titles: Mapping[str, str],
    quoter: Quoter,
) -> CampaignEffect:
    ours = [contact for contact, _ in mentions]
    known = {contact.id for contact in ours}
    others = [contact for contact in contacts if contact.id not in known]
    intents = Counter(titles.get(intent, intent) for contact in ours for intent in contact.intents)
    return CampaignEffect(
        name=campaign.name,
        starts=campaign.starts,
        ends=campaign.ends,
        count=len(ours),
        late=sum(_day(turn.at, week.zone) > campaign.ends for _, (turn, _) in mentions),
        intents=tuple(intents.most_common(_INTENTS)),
        sentiment=mean_difference(_sentiments(ours), _sentiments(others)),
        unhappy=_share(ours, others, unhappy=True),
        handed_over=_share(ours, others, unhappy=False),
        quotes=few((quoter.quote(one, *place) for one, place in mentions), _QUOTES),
    )


def _sentiments(contacts: Iterable[Contact]) -> list[float]:
    return [contact.sentiment for contact in contacts if contact.sentiment is not None]


def _share(ours: Sequence[Contact], others: Sequence[Contact], *, unhappy: bool) -> Difference | None:
    """The difference in the share of contacts that are unhappy, or else that were handed over."""

    def counted(contacts: Iterable[Contact]) -> tuple[int, int]:
        if unhappy:
            said = [contact.is_unhappy for contact in contacts if contact.sentiment is not None]
        else:
            endings = [contact.ending for contact in contacts]
            said = [ending is Ending.HANDED_OVER for ending in endings if ending is not None]
        return sum(said), len(said)

    return share_difference(*counted(ours), *counted(others))


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _spaced(term: str) -> str:
    """``term`` with any white space between its words."""
    return r"\s+".join(map(re.escape, term.split()))
