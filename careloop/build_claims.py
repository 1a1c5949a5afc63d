"""The claims that brands approve, made from the settings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from careloop.settings import Settings
from kit.log import get_logger
from signals import catalogue, nurture, routing
from signals.brand.brands import Brands, BrandText, texts_of
from signals.brand.claim_checker import ClaimChecker
from signals.brand.claims import read_claims
from signals.catalogue import Catalogue, read_catalogue
from signals.nurture import NurtureRules, read_nurture
from signals.routing import SignalRules, read_rules

_log = get_logger("careloop.claims")


def build_brands(settings: Settings) -> Brands:
    """Who may say what; what ships is about the sample company, and for nobody else.

    Raises ``SignalDataInvalid`` for claims that cannot be used.
    """
    if settings.claims is not None:
        return Brands.read(settings.claims)
    shipped = read_claims()
    return Brands(common=ClaimChecker(shipped)) if shipped.brand == settings.bot.company else Brands()


def data_texts(settings: Settings, *, on: date) -> Iterator[BrandText]:
    """Every text of offers, sequences and next actions. Raises ``SignalDataInvalid``."""
    asked = settings.signals
    return texts_of(
        read_catalogue(asked.catalogue or catalogue.SHIPPED),
        read_nurture(asked.nurture or nurture.SHIPPED),
        read_rules(asked.routing or routing.SHIPPED),
        on=on,
    )


def warn_of_texts(
    brands: Brands, offers: Catalogue, sequences: NurtureRules, rules: SignalRules, *, at: datetime
) -> None:
    """Log each text of offers, sequences and next actions that a brand does not approve.

    A campaign that ended over night keeps no server from starting: its offers and sequences are not made.
    """
    own = [(str(workspace), checker) for workspace, checker in brands.own.items()]
    for workspace, checker in [*own, *([] if brands.common is None else [("every", brands.common)])]:
        day = checker.claims.day(at)
        for one in texts_of(offers, sequences, rules, on=day):
            for found in checker.check(one.text, on=day):
                _log.warning(
                    "text_not_approved",
                    workspace=workspace,
                    place=one.place,
                    kind=str(found.kind),
                    said=found.text,
                    about=found.about,
                    approved=found.approved,
                )
