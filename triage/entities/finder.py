"""Things a message names: order, invoice, product, money, date, error code, and a company's own patterns.

The patterns are linear or bounded, and dates are parsed here: ``dateparser`` finds more languages, but takes
1 to 5 ms a candidate and reads "may" and "12" as dates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

from triage.entities.contacts import find_contacts
from triage.entities.entity import Candidate, Entity
from triage.entities.error_codes import find_error_codes
from triage.entities.money import find_money
from triage.entities.numerals import DIGIT
from triage.entities.own_patterns import EntityPattern, find_own
from triage.entities.products import ProductNames
from triage.entities.reference_numbers import find_reference_numbers
from triage.entities.relative_dates import find_relative_dates
from triage.entities.times_of_day import find_times
from triage.entities.written_dates import find_written_dates

LONGEST = 20_000  # characters of a text in which entities are looked for


class EntityFinder:
    """Finds entities. ``products`` are names, found in any case as whole words; ``patterns`` the company's.

    ``day_first`` says how 11/03/2026 is meant; while it is none, the value of such a date is the set of both
    days, "[2026-03-11,2026-11-03]" (ISO 8601-2, one of).
    """

    def __init__(
        self,
        patterns: Sequence[EntityPattern] = (),
        products: Sequence[str] = (),
        *,
        day_first: bool | None = None,
    ) -> None:
        self._patterns = [(pattern.kind, re.compile(pattern.regex)) for pattern in patterns]
        self._products = ProductNames(products)
        self._day_first = day_first

    def find(self, text: str, *, today: date | None = None) -> tuple[Entity, ...]:
        """Entities of the first ``LONGEST`` characters, by their start; none overlaps another.

        Where two would, the company's own patterns win, then whatever says more (an error code with its
        word, an order number rather than a telephone number), then the longer. "Tomorrow" is found only when
        it is known when ``today`` is; a day without a year is the one nearest to it ("XXXX-11-03" without).
        """
        text = text[:LONGEST]
        found = sorted(
            self._candidates(text, today), key=lambda one: (one.rank, one.start - one.end, one.start)
        )
        taken = bytearray(len(text))
        kept: list[Entity] = []
        for one in found:
            if taken.find(1, one.start, one.end) < 0:
                taken[one.start : one.end] = b"\x01" * (one.end - one.start)
                kept.append(Entity(one.kind, one.start, one.end, text[one.start : one.end], one.value))
        return tuple(sorted(kept, key=lambda entity: entity.start))

    def _candidates(self, text: str, today: date | None) -> Iterator[Candidate]:
        for kind, pattern in self._patterns:
            yield from find_own(kind, pattern, text)
        yield from self._products.find(text)
        if DIGIT.search(text):  # most messages have none
            yield from find_reference_numbers(text)
            yield from find_money(text)
            yield from find_written_dates(text, today, day_first=self._day_first)
            yield from find_times(text)
        yield from find_error_codes(text)
        if today is not None:
            yield from find_relative_dates(text, today)
        yield from find_contacts(text)
