"""What a customer has consented to. The one place that says whether somebody may be contacted.

The rules, over a history to which records are only ever added:

* The newest word wins; of two words of the same moment, the more restrictive one. That nothing is known
  (``unknown``) takes a grant back, and never a refusal.
* A word on a channel beats a word on ``any``, but for a withdrawal of ``any`` that came afterwards: it
  withdraws all, and what was granted on a channel before it counts no more.
* Silence permits service and analytics, and forbids sales and marketing (opt-in).
* ``do not sell`` is the withdrawal of the purpose ``data_sale``, and forbids everything but service.
* Of two customers who were merged, each has a history of its own up to the merge, to which what is said
  after it is added: the more restrictive of the two holds. One of whom nothing was ever heard has no say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kit.ids import CustomerId


class Purpose(StrEnum):
    """What a customer is contacted for; ``DATA_SALE`` is whether data about them may be passed on."""

    SERVICE = "service"
    SALES = "sales"
    MARKETING = "marketing"
    ANALYTICS = "analytics"
    DATA_SALE = "data_sale"


class ConsentChannel(StrEnum):
    """How a customer is contacted; ``ANY`` is the word on all that nothing was said about."""

    EMAIL = "email"
    PHONE = "phone"
    SMS = "sms"
    CHAT = "chat"
    ANY = "any"


class ConsentState(StrEnum):
    """What was said."""

    GRANTED = "granted"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"


OPT_IN = frozenset({Purpose.SALES, Purpose.MARKETING})
_RESTRICTION = {ConsentState.GRANTED: 0, ConsentState.UNKNOWN: 1, ConsentState.WITHDRAWN: 2}


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """One word of a customer. ``at`` is when it was given; ``id`` grows in the order of recording.

    ``origin`` is whom it was recorded of; it stays through merges.
    """

    id: int
    purpose: Purpose
    channel: ConsentChannel
    state: ConsentState
    source: str
    at: datetime
    recorded_at: datetime
    origin: CustomerId


@dataclass(frozen=True, slots=True)
class Join:
    """``absorbed`` was merged into ``survivor`` when record ``after`` was the last there was."""

    absorbed: CustomerId
    survivor: CustomerId
    after: int


@dataclass(frozen=True, slots=True)
class ConsentHistory:
    """All that a customer, and whoever was merged into it, ever said; in the order of recording."""

    records: tuple[ConsentRecord, ...] = ()
    joins: tuple[Join, ...] = ()

    def heard_of(self, customer: CustomerId) -> list[ConsentRecord]:
        """What counts for one of those who were merged: its own records, and what came after its merge."""
        own = [record for record in self.records if record.origin == customer]
        for join in self.joins:
            if join.absorbed == customer:
                own += [record for record in self.heard_of(join.survivor) if record.id > join.after]
        return own

    def deciding(self, purpose: Purpose, channel: ConsentChannel, at: datetime) -> ConsentRecord | None:
        """The record that decides at the moment ``at``; none where nothing was said."""
        found: ConsentRecord | None = None
        for origin in sorted({record.origin for record in self.records}):
            of_purpose = (record for record in self.heard_of(origin) if record.purpose is purpose)
            said = _deciding((record for record in of_purpose if record.at <= at), channel)
            if said is not None and (found is None or _strictness(said) > _strictness(found)):
                found = said
        return found

    def state(self, purpose: Purpose, channel: ConsentChannel, at: datetime) -> ConsentState:
        """What holds at the moment ``at``."""
        record = self.deciding(purpose, channel, at)
        return ConsentState.UNKNOWN if record is None else record.state

    def do_not_sell(self, at: datetime) -> bool:
        """Whether the customer forbade that data about them is passed on."""
        return self.state(Purpose.DATA_SALE, ConsentChannel.ANY, at) is ConsentState.WITHDRAWN


class ContactReason(StrEnum):
    """Why a customer may be contacted or may not."""

    GRANTED = "granted"
    NOT_REFUSED = "not_refused"  # nothing was said, and the purpose needs no consent
    WITHDRAWN = "withdrawn"
    NO_CONSENT = "no_consent"
    DO_NOT_SELL = "do_not_sell"


@dataclass(frozen=True, slots=True)
class ContactDecision:
    """Whether a customer may be contacted, and why; ``record`` is the word that decided, if one did."""

    allowed: bool
    reason: ContactReason
    record: ConsentRecord | None = None


def may_contact(
    history: ConsentHistory,
    purpose: Purpose,
    channel: ConsentChannel,
    *,
    at: datetime,
    opt_in: frozenset[Purpose] = OPT_IN,
) -> ContactDecision:
    """Whether the customer may be contacted for ``purpose`` on ``channel`` at the moment ``at``.

    Asked about ``any`` channel, it answers by the words on ``any`` alone. What is dated after ``at`` is
    not looked at. Purposes of ``opt_in`` need a grant, others the absence of a withdrawal.
    """
    if purpose is not Purpose.SERVICE:
        sale = history.deciding(Purpose.DATA_SALE, ConsentChannel.ANY, at)
        if sale is not None and sale.state is ConsentState.WITHDRAWN:
            return ContactDecision(allowed=False, reason=ContactReason.DO_NOT_SELL, record=sale)
    record = history.deciding(purpose, channel, at)
    match ConsentState.UNKNOWN if record is None else record.state:
        case ConsentState.WITHDRAWN:
            return ContactDecision(allowed=False, reason=ContactReason.WITHDRAWN, record=record)
        case ConsentState.GRANTED:
            return ContactDecision(allowed=True, reason=ContactReason.GRANTED, record=record)
        case ConsentState.UNKNOWN:
            allowed = purpose not in opt_in
            reason = ContactReason.NOT_REFUSED if allowed else ContactReason.NO_CONSENT
            return ContactDecision(allowed=allowed, reason=reason, record=record)


def _deciding(records: Iterable[ConsentRecord], channel: ConsentChannel) -> ConsentRecord | None:
    heard = list(records)
    general = [record for record in heard if record.channel is ConsentChannel.ANY]
    specific = [record for record in heard if record.channel is channel]
    on_any, newest = _last_word(general), _last_word(specific)
    if channel is ConsentChannel.ANY or newest is None:
        return on_any
    refusals = [record.at for record in general if record.state is ConsentState.WITHDRAWN]
    if newest.state is not ConsentState.WITHDRAWN and refusals and max(refusals) >= newest.at:
        return on_any
    is_refused = on_any is not None and on_any.state is ConsentState.WITHDRAWN
    return on_any if newest.state is ConsentState.UNKNOWN and is_refused else newest


def _last_word(records: Iterable[ConsentRecord]) -> ConsentRecord | None:
    """The newest of ``records``, but a refusal where all that came after it is that nothing is known."""
    last: ConsentRecord | None = None
    for record in sorted(records, key=_age):
        is_refused = last is not None and last.state is ConsentState.WITHDRAWN
        if not (is_refused and record.state is ConsentState.UNKNOWN):
            last = record
    return last


def _age(record: ConsentRecord) -> tuple[datetime, int, int]:
    return record.at, _RESTRICTION[record.state], record.id


def _strictness(record: ConsentRecord) -> tuple[int, datetime, int]:
    return _RESTRICTION[record.state], record.at, record.id
