"""What approved claims and findings against them look like on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, Field

from api import wire
from bot.claim_review import Became
from signals.brand import claim_checker
from signals.brand.claim_checker import FindingKind
from signals.brand.claims import BrandClaims, Product

LONGEST_TEXT = 20_000  # characters; an article has about 5,000


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _is_written(value: object) -> object:
    """A number would be read as seconds since 1970, a time as its day."""
    if not isinstance(value, date) and not (isinstance(value, str) and _DAY.fullmatch(value)):
        raise ValueError("a day such as 2026-11-21 is expected")
    return value


Day = Annotated[date, BeforeValidator(_is_written)]


class ClaimKind(StrEnum):
    """What is approved."""

    PRODUCT = "product"  # numbers of what is sold
    TERM = "term"  # numbers of a condition, such as a notice period
    STATEMENT = "statement"  # what holds, in words
    OFFER = "offer"  # a campaign, and when it may be made
    TONE = "tone"  # words that are not used


class ApprovedClaim(BaseModel):
    """Something that the brand may say, or must not."""

    kind: ClaimKind = Field(examples=["product"])
    name: str = Field(examples=["Fibre 300"])
    aliases: list[str] = Field(description="Other names under which it is found.", examples=[[]])
    approved: list[str] = Field(
        description="What holds, in words.", examples=[["price 34, 37, 40, 42 GBP a month"]]
    )
    valid: bool = Field(description="Whether an offer may be made today; true of all else.", examples=[True])


class ClaimList(BaseModel):
    """Everything that is approved; no brand and no items where nothing is said of the workspace."""

    brand: str | None = Field(examples=["Brightwater Broadband"])
    today: date | None = Field(description="In the brand's time zone.", examples=["2026-11-21"])
    items: list[ApprovedClaim]

    @classmethod
    def of(cls, claims: BrandClaims, *, on: date) -> Self:
        """``claims`` as they hold ``on`` that day."""
        return cls(brand=claims.brand, today=on, items=list(_items(claims, on)))


class TextToCheck(wire.Body):
    """A text, and the day on which it is to be said."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=r"^[^\x00]*$")] = Field(
        examples=["Fibre 300 costs £31 a month."]
    )
    on: Day | None = Field(
        None, description="Today in the brand's time zone unless given.", examples=["2026-11-21"]
    )


class Finding(BaseModel):
    """Words that are not approved: ``text[start:end]``, in code points."""

    kind: FindingKind = Field(examples=["wrong_number"])
    start: int = Field(examples=[16])
    end: int = Field(examples=[19])
    text: str = Field(examples=["£31"])
    about: str = Field(examples=["Fibre 300"])
    approved: str = Field(description="What holds instead.", examples=["price 34, 37, 40, 42 GBP"])

    @classmethod
    def of(cls, found: claim_checker.Finding) -> Self:
        """``found`` as it is sent."""
        return cls(
            kind=found.kind,
            start=found.start,
            end=found.end,
            text=found.text,
            about=found.about,
            approved=found.approved,
        )


class FindingList(BaseModel):
    """What is wrong with a text, in its order; nothing where nothing is."""

    items: list[Finding]


class Objection(BaseModel):
    """What an answer was not let say, and where those words come from.

    Without a document a language model wrote them.
    """

    kind: FindingKind = Field(examples=["wrong_number"])
    said: str = Field(examples=["£31"])
    about: str = Field(examples=["Fibre 300"])
    approved: str = Field(examples=["price 34, 37, 40, 42 GBP"])
    became: Became = Field(
        description="`left_out` of the answer, `withheld` with the whole answer, `refused` with the draft.",
        examples=["left_out"],
    )
    document_id: str | None = Field(None, examples=["doc_06dbmzzx2c4e6g8j0m2p4r6t8w"])
    version_id: str | None = Field(None, examples=["ver_06dbmzzx3d5f7h9k1n3q5s7v9x"])
    title: str | None = Field(None, examples=["Broadband plans and prices"])
    start: int | None = Field(None, description="Of the sentence, in the version's text.", examples=[120])
    end: int | None = Field(None, examples=[180])

    @classmethod
    def of(cls, record: Mapping[str, object]) -> Self:
        """A record of a trace as it is sent."""
        return cls.model_validate(record)


def _items(claims: BrandClaims, on: date) -> Iterator[ApprovedClaim]:
    for kind, subjects in ((ClaimKind.PRODUCT, claims.products), (ClaimKind.TERM, claims.terms)):
        for subject in subjects:
            yield _claim(kind, subject.name, subject.aliases, _numbers(subject, on))
    for statement in claims.statements:
        yield _claim(ClaimKind.STATEMENT, statement.name, (), [statement.name])
    for offer in claims.offers:
        valid = offer.holds(on)
        yield _claim(ClaimKind.OFFER, offer.name, offer.aliases, [offer.span()], valid=valid)
    for wording in claims.tone:
        yield _claim(ClaimKind.TONE, wording.phrase, wording.aliases, [f"say {wording.say}"])


def _numbers(subject: Product, on: date) -> list[str]:
    return [
        f"{one.what} {', '.join(f'{value:g}' for value in one.values)} {one.unit}"
        + (f" a {one.per}" if one.per else "")
        for one in subject.claims
        if one.holds(on)
    ]


def _claim(
    kind: ClaimKind, name: str, aliases: tuple[str, ...], approved: list[str], *, valid: bool = True
) -> ApprovedClaim:
    return ApprovedClaim(kind=kind, name=name, aliases=list(aliases), approved=approved, valid=valid)
