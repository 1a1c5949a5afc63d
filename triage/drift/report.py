"""What changed between two times, in numbers and for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from triage.drift.new_words import NewWord
from triage.drift.shift import Shift


class Severity(StrEnum):
    """How bad a change is."""

    NONE = "none"
    MODERATE = "moderate"
    MAJOR = "major"


@dataclass(frozen=True, slots=True)
class LabelGrowth:
    """The share of one label among messages in scope; ``p`` holds for all labels looked at together."""

    label: str
    share: Shift

    @property
    def factor(self) -> float:
        """How many times as frequent; a label that is new or gone counts as a thousandth."""
        return max(self.share.after, 1e-3) / max(self.share.before, 1e-3)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that changed, in words."""

    kind: str
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class DriftReport:
    """How ``recent`` messages differ from ``reference`` ones (numbers of both).

    ``psi`` is the population stability index of the label shares, ``psi_p`` how often chance alone gives as
    much; ``jensen_shannon`` their distance in [0, 1] (base 2). ``growth`` has all labels that are not rare,
    the most changed first. ``mmd`` is the maximum mean discrepancy of the vectors. ``findings`` are what is
    neither chance nor too small to matter, worst first: without any there is no alarm.
    """

    reference: int
    recent: int
    psi: float
    psi_p: float
    jensen_shannon: float
    growth: tuple[LabelGrowth, ...]
    confidence: Shift
    out_of_scope: Shift
    mmd: float
    mmd_p: float
    new_words: tuple[NewWord, ...]
    findings: tuple[Finding, ...]

    @property
    def severity(self) -> Severity:
        """That of the worst finding."""
        return self.findings[0].severity if self.findings else Severity.NONE

    @property
    def alarm(self) -> bool:
        """Whether somebody should look."""
        return bool(self.findings)

    def text(self) -> str:
        """For people: what changed and how bad it is."""
        head = {
            Severity.NONE: "No drift",
            Severity.MODERATE: "Moderate drift",
            Severity.MAJOR: "Major drift",
        }[self.severity]
        lines = [f"{head}: {self.recent:,} recent messages against {self.reference:,}."]
        lines += [f"  {finding.severity}: {finding.text}" for finding in self.findings]
        if self.new_words:
            words = ", ".join(f"{new.word} ({new.after:.1%}, was {new.before:.1%})" for new in self.new_words)
            lines.append(f"  New words: {words}.")
        return "\n".join(lines)
