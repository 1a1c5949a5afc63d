"""What a brand may say of itself, as data (``claims.yaml``): numbers, facts, campaigns, unused words."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from signals.catalogue import Period
from signals.data_file import read_data

SHIPPED = Path(__file__).with_name("claims.yaml")
Name = Annotated[str, Field(min_length=1, max_length=200)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Claim(Period):
    """Numbers that may be said of a product with ``unit``: a currency (ISO 4217), Mbps, days, GB, any other.

    With ``beside`` only where one of these words stands in the same sentence.
    """

    what: Name
    values: tuple[float, ...] = Field(min_length=1)
    unit: Name
    per: Literal["month", "year"] | None = None
    beside: tuple[Name, ...] = ()


class Product(_Data):
    """Something that is sold, by all names that it goes by."""

    name: Name
    aliases: tuple[Name, ...] = ()
    claims: tuple[Claim, ...] = Field(min_length=1)


class Term(Product):
    """A condition that has numbers, such as a notice period.

    A sentence with one of ``unless`` is about something else.
    """

    unless: tuple[Name, ...] = ()


class Statement(_Data):
    """What holds, or does not: whether a sentence about one of ``about`` may say one of ``says``.

    ``holds`` false: it may only deny it ("there is no set-up fee when you renew").
    """

    name: Name
    about: tuple[Name, ...] = Field(min_length=1)
    says: tuple[Name, ...] = Field(min_length=1)
    holds: bool
    unless: tuple[Name, ...] = ()


class Campaign(Period):
    """An offer that may be made while its time lasts; ``yearly``: between these days of every year."""

    name: Name
    aliases: tuple[Name, ...] = ()
    yearly: bool = False

    @model_validator(mode="after")
    def _has_both_ends(self) -> Self:
        if self.yearly and (self.from_ is None or self.until is None):
            raise ValueError("what comes every year has from and until")
        return self

    def holds(self, day: date) -> bool:
        """Whether it may be made on ``day``."""
        if not self.yearly or self.from_ is None or self.until is None:
            return super().holds(day)
        start, end, today = ((one.month, one.day) for one in (self.from_, self.until, day))
        return start <= today <= end if start <= end else not end < today < start

    def span(self) -> str:
        """Such as "from 2026-07-01 until 2026-10-31", or "from 1 July until 31 October, every year"."""
        if not self.yearly or self.from_ is None or self.until is None:
            return super().span()
        start, end = (f"{one.day} {one:%B}" for one in (self.from_, self.until))
        return f"from {start} until {end}, every year"


class Wording(_Data):
    """Words that the brand does not use, and what it says instead; with one of ``unless`` they are fine."""

    phrase: Name
    say: Name
    aliases: tuple[Name, ...] = ()
    unless: tuple[Name, ...] = ()


class BrandClaims(_Data):
    """All of it, for one brand. Campaigns begin and end at midnight in ``time_zone`` (IANA)."""

    brand: Name
    time_zone: str = "UTC"
    products: tuple[Product, ...] = ()
    terms: tuple[Term, ...] = ()
    statements: tuple[Statement, ...] = ()
    offers: tuple[Campaign, ...] = ()
    tone: tuple[Wording, ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, ZoneInfoNotFoundError):
            raise ValueError(f"there is no time zone {value!r}") from None
        return value

    def day(self, at: datetime) -> date:
        """The day that it is for the brand at ``at``."""
        return at.astimezone(ZoneInfo(self.time_zone)).date()


def read_claims(file: Path = SHIPPED) -> BrandClaims:
    """The claims of a YAML file. Raises ``SignalDataInvalid``."""
    return read_data(file, BrandClaims)
