"""The approved claims of each workspace, and all texts of signals that have to keep to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from kit.ids import WorkspaceId
from signals.brand.claim_checker import ClaimChecker, Finding
from signals.brand.claims import read_claims
from signals.catalogue import Catalogue, Offer
from signals.errors import SignalDataInvalid
from signals.nurture import NurtureRules, NurtureSequence
from signals.routing import SignalRules


@dataclass(frozen=True, slots=True)
class Brands:
    """Who may say what. ``common`` is for workspaces without claims of their own; none approve everything."""

    own: Mapping[WorkspaceId, ClaimChecker] = field(default_factory=dict)
    common: ClaimChecker | None = None

    @classmethod
    def read(cls, place: Path) -> Brands:
        """Those of a file, for every workspace, or of a folder that has ``WORKSPACE.yaml`` for each.

        Raises ``SignalDataInvalid``.
        """
        if not place.is_dir():
            return cls(common=ClaimChecker(read_claims(place)))
        files = sorted(place.glob("*.yaml"))
        if not files:
            raise SignalDataInvalid(f"The folder {place} has no claims: it needs a WORKSPACE.yaml.")
        return cls(own={WorkspaceId(file.stem): ClaimChecker(read_claims(file)) for file in files})

    def of(self, workspace: WorkspaceId) -> ClaimChecker | None:
        """What checks the texts of a workspace; none where nothing is said of it."""
        return self.own.get(workspace, self.common)

    def check(self, workspace: WorkspaceId, text: str, *, at: datetime) -> list[Finding]:
        """What of ``text`` may not be said in the workspace at ``at``."""
        checker = self.of(workspace)
        return [] if checker is None else checker.check(text, on=checker.claims.day(at))


def against(found: Sequence[Finding]) -> list[str]:
    """A line for each of ``found``, as people read it; the same one once."""
    said = (f"says {one.text!r}, against what is approved ({one.about}: {one.approved})" for one in found)
    return list(dict.fromkeys(said))


@dataclass(frozen=True, slots=True)
class BrandText:
    """A text that people are told or sent: ``place`` is where it stands, such as ``nurture: step 2 of x``."""

    place: str
    text: str


def texts_of_offer(offer: Offer, currency: str) -> Iterator[BrandText]:
    """What an offer says: its price, if it has one, and why."""
    place = f"catalogue: {offer.name}"
    if offer.price:
        yield BrandText(place, f"{offer.name} costs {offer.price:g} {currency} a month.")
    yield BrandText(place, offer.why)


def texts_of_sequence(sequence: NurtureSequence) -> Iterator[BrandText]:
    """What a sequence of marketing says."""
    for number, step in enumerate(sequence.steps, start=1):
        yield BrandText(f"nurture: step {number} of {sequence.name}", step.says)


def texts_of(
    catalogue: Catalogue, nurture: NurtureRules, routing: SignalRules, *, on: date
) -> Iterator[BrandText]:
    """Every text of the data: offers that may be made ``on`` that day, sequences, next actions."""
    for offer in catalogue.offers:
        if offer.holds(on):
            yield from texts_of_offer(offer, catalogue.currency)
    for sequence in nurture.sequences:
        yield from texts_of_sequence(sequence)
    for rule in routing.rules:
        if rule.then.next_action is not None:
            yield BrandText(f"routing: next action of {rule.name}", rule.then.next_action)
