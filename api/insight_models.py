"""What proposals of new intents and reports of drift look like on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from api import wire
from api.backfill_models import TICKET
from api.background import Run
from api.selection_models import SentMoment, SentNumber
from triage import drift
from triage import proposals as discovered
from triage.drift.shift import Shift as MeasuredShift

_TICKETS_SHOWN = 100
_GROWTH_SHOWN = 20
_LONGEST = 366  # days


class DiscoveryOrder(wire.Body):
    """Among which tickets to look for intents that nobody has named yet."""

    since: SentMoment | None = Field(
        None, description="Made then or later.", examples=["2026-10-21T00:00:00Z"]
    )
    most: SentNumber = Field(2000, ge=1, le=discovered.MOST, description="Of them the newest.")
    least: SentNumber = Field(
        discovered.LEAST, ge=2, le=1000, description="Different messages that make an intent, at the least."
    )


class NearestIntent(BaseModel):
    """The known intent that is most like it, by cosine."""

    name: str = Field(examples=["billing.refund_request"])
    similarity: float = Field(examples=[0.58])


class ProposedIntent(BaseModel):
    """A group of like messages that no intent fits; name and examples are free of personal data."""

    name: str = Field(examples=["gift_card_balance"])
    description: str = Field(examples=['Messages about gift, card and balance, such as "gift card balance"'])
    advice: str = Field(examples=["new: add gift_card_balance?"])
    size: int = Field(description="How many messages it has.", examples=[23])
    cohesion: float = Field(description="Mean cosine of its messages with its centre.", examples=[0.71])
    nearest: NearestIntent | None
    examples: list[str] = Field(
        description="The nearest to its centre.", examples=[["how much is left on my gift card"]]
    )
    tickets: list[str] = Field(
        description=f"Its messages, nearest first, up to {_TICKETS_SHOWN}.", examples=[[TICKET]]
    )

    @classmethod
    def of(cls, proposal: discovered.Proposal) -> Self:
        """``proposal`` as it is sent."""
        intent = proposal.intent
        near = intent.nearest
        return cls(
            name=intent.name,
            description=intent.description,
            advice=intent.advice,
            size=intent.size,
            cohesion=intent.cohesion,
            nearest=None if near is None else NearestIntent(name=near.name, similarity=near.similarity),
            examples=list(intent.examples),
            tickets=list(proposal.tickets[:_TICKETS_SHOWN]),
        )


class Proposals(BaseModel):
    """The largest group first."""

    looked_at: int = Field(
        description="Messages of customers that triage was not sure of, or that are out of scope.",
        examples=[640],
    )
    items: list[ProposedIntent]

    @classmethod
    def of(cls, found: discovered.Proposals) -> Self:
        """``found`` as it is sent."""
        return cls(looked_at=found.looked_at, items=[ProposedIntent.of(proposal) for proposal in found.items])


class Discovery(BaseModel):
    """A search: under way until ``finished_at`` is there, then with ``proposals`` or ``error``."""

    started_at: datetime = Field(examples=["2026-11-21T02:00:00Z"])
    finished_at: datetime | None = Field(examples=["2026-11-21T02:00:31Z"])
    proposals: Proposals | None
    error: str | None = Field(examples=[None])

    @classmethod
    def of(cls, run: Run[discovered.Proposals]) -> Self:
        """``run`` as it is sent."""
        return cls(
            started_at=run.started_at,
            finished_at=run.finished_at,
            proposals=None if run.result is None else Proposals.of(run.result),
            error=run.error,
        )


class DriftOrder(wire.Body):
    """Which times to compare: the last days with the days before them."""

    recent_days: SentNumber = Field(7, ge=1, le=_LONGEST, description="The tickets in question.")
    reference_days: SentNumber = Field(
        28, ge=1, le=_LONGEST, description="What they are compared with: the days before those."
    )
    most: SentNumber = Field(1000, ge=50, le=2000, description="Tickets of either time, drawn at random.")


class Shift(BaseModel):
    """A mean or a share before and after, with the 95 % interval of the difference."""

    before: float = Field(examples=[0.041])
    after: float = Field(examples=[0.112])
    low: float = Field(examples=[0.052])
    high: float = Field(examples=[0.093])
    p: float = Field(description="How often chance alone gives as much.", examples=[0.0005])

    @classmethod
    def of(cls, shift: MeasuredShift) -> Self:
        """``shift`` as it is sent."""
        return cls(before=shift.before, after=shift.after, low=shift.low, high=shift.high, p=shift.p)


class LabelGrowth(BaseModel):
    """How the share of one intent among the messages in scope changed."""

    label: str = Field(examples=["faults.no_internet"])
    share: Shift


class NewWord(BaseModel):
    """A word that is three times as frequent as before, and the shares of messages that have it."""

    word: str = Field(examples=["outage"])
    before: float = Field(examples=[0.001])
    after: float = Field(examples=[0.062])


class DriftFinding(BaseModel):
    """One thing that changed, beyond chance and more than a little."""

    kind: str = Field(examples=["label:faults.no_internet"])
    severity: drift.Severity = Field(examples=["major"])
    text: str = Field(examples=["faults.no_internet rose from 4.1% to 11.2% (+5.2 to +9.3 points)"])


class DriftReport(BaseModel):
    """How recent messages differ from earlier ones, both as the model sees them that is live now."""

    severity: drift.Severity = Field(description="Of the worst finding.", examples=["major"])
    findings: list[DriftFinding] = Field(description="Worst first; none: no reason to look.")
    recent: int = Field(description="Number of messages.", examples=[1000])
    reference: int = Field(examples=[1000])
    psi: float = Field(description="Population stability index of the intents' shares.", examples=[0.31])
    psi_p: float = Field(examples=[0.001])
    jensen_shannon: float = Field(description="Their distance, from 0 to 1.", examples=[0.2])
    confidence: Shift
    out_of_scope: Shift
    mmd: float = Field(description="Maximum mean discrepancy of the vectors.", examples=[0.09])
    mmd_p: float = Field(examples=[0.001])
    growth: list[LabelGrowth] = Field(description=f"The {_GROWTH_SHOWN} that changed most.")
    new_words: list[NewWord]

    @classmethod
    def of(cls, report: drift.DriftReport) -> Self:
        """``report`` as it is sent."""
        return cls(
            severity=report.severity,
            findings=[
                DriftFinding(kind=found.kind, severity=found.severity, text=found.text)
                for found in report.findings
            ],
            recent=report.recent,
            reference=report.reference,
            psi=report.psi,
            psi_p=report.psi_p,
            jensen_shannon=report.jensen_shannon,
            confidence=Shift.of(report.confidence),
            out_of_scope=Shift.of(report.out_of_scope),
            mmd=report.mmd,
            mmd_p=report.mmd_p,
            growth=[
                LabelGrowth(label=each.label, share=Shift.of(each.share))
                for each in report.growth[:_GROWTH_SHOWN]
            ],
            new_words=[
                NewWord(word=new.word, before=new.before, after=new.after) for new in report.new_words
            ],
        )


class Drift(BaseModel):
    """A comparison: under way until ``finished_at`` is there, then with ``report`` or ``error``."""

    started_at: datetime = Field(examples=["2026-11-21T02:00:00Z"])
    finished_at: datetime | None = Field(examples=["2026-11-21T02:00:20Z"])
    report: DriftReport | None
    error: str | None = Field(examples=[None])

    @classmethod
    def of(cls, run: Run[drift.DriftReport]) -> Self:
        """``run`` as it is sent."""
        return cls(
            started_at=run.started_at,
            finished_at=run.finished_at,
            report=None if run.result is None else DriftReport.of(run.result),
            error=run.error,
        )
