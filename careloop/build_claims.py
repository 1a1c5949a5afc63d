"""The claims that brands approve, made from the settings."""

from __future__ import annotations

from datetime import datetime

from careloop.settings import Settings
from kit.log import get_logger
from signals.brands import Brands, texts_of
from signals.catalogue import Catalogue
from signals.claim_checker import ClaimChecker
from signals.claims import read_claims
from signals.nurture import NurtureRules
from signals.routing import SignalRules

_log = get_logger("careloop.claims")


def build_brands(settings: Settings) -> Brands:
    """Who may say what; what ships is about the sample company, and for nobody else.

    Raises ``SignalDataInvalid`` for claims that cannot be used.
    """
    if settings.claims is not None:
        return Brands.read(settings.claims)
    shipped = read_claims()
    return Brands(common=ClaimChecker(shipped)) if shipped.brand == settings.bot.company else Brands()


def warn_of_texts(
    brands: Brands, catalogue: Catalogue, nurture: NurtureRules, routing: SignalRules, *, at: datetime
) -> None:
    """Log each text of offers, sequences and next actions that a brand does not approve.

    A campaign that ended over night keeps no server from starting: its offers and sequences are not made.
    """
    checkers = {"": brands.common, **brands.own}
    for workspace, checker in checkers.items():
        if checker is None:
            continue
        day = checker.claims.day(at)
        for one in texts_of(catalogue, nurture, routing, on=day):
            for found in checker.check(one.text, on=day):
                _log.warning(
                    "text_not_approved",
                    workspace=workspace or "every",
                    place=one.place,
                    kind=str(found.kind),
                    said=found.text,
                    about=found.about,
                    approved=found.approved,
                )
