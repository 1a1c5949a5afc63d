"""What a company sells, as data (``catalogue.yaml``), and to whom each offer may be made."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from signals.conditions import FactCondition
from signals.data_file import read_data
from signals.signal import SignalKind

SHIPPED = Path(__file__).with_name("catalogue.yaml")
Name = Annotated[str, Field(min_length=1, max_length=200)]


class OfferKind(StrEnum):
    """What an offer is for."""

    SALE = "sale"
    RETENTION = "retention"  # keeps what there is


class Period(BaseModel):
    """The days from which and until which something holds, both included; without one it is open there."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: date | None = Field(None, alias="from")
    until: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.from_ is not None and self.until is not None and self.until < self.from_:
            raise ValueError("until is before from")
        return self

    def holds(self, day: date) -> bool:
        """Whether it does on ``day``."""
        return (self.from_ is None or self.from_ <= day) and (self.until is None or day <= self.until)

    def span(self) -> str:
        """Such as "from 2026-07-01 until 2026-10-31"."""
        parts = (("from", self.from_), ("until", self.until))
        return " ".join(f"{word} {day.isoformat()}" for word, day in parts if day is not None)


class Obstacle(BaseModel):
    """Why an offer is not for somebody for whom it would be otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    when: FactCondition


class Offer(Period):
    """One offer. ``price`` is a month's; ``answers`` how well it answers each kind of signal, in [0, 1]."""

    name: Name
    price: float = Field(ge=0)
    kind: OfferKind = OfferKind.SALE
    why: Annotated[str, Field(min_length=1, max_length=500)]
    answers: dict[SignalKind, Annotated[float, Field(gt=0, le=1)]]
    when: FactCondition
    not_when: tuple[Obstacle, ...] = ()


class Catalogue(BaseModel):
    """Every offer. Who refused to buy is not asked again for ``refusal_days``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str = Field(pattern="^[A-Z]{3}$")
    refusal_days: int = Field(90, ge=0, le=3650)
    offers: tuple[Offer, ...]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [offer.name for offer in self.offers]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the offer {twice!r} is there twice")
        return self


def read_catalogue(file: Path = SHIPPED) -> Catalogue:
    """The catalogue of a YAML file. Raises ``SignalDataInvalid``."""
    return read_data(file, Catalogue)
