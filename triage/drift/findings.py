"""What of a change is neither chance nor too small to matter."""

from __future__ import annotations

from dataclasses import dataclass

from triage.drift.report import DriftReport, Finding, LabelGrowth, Severity
from triage.drift.shift import Shift


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which size a change is moderate, and major.

    Those of the population stability index are Siddiqi's (Credit Risk Scorecards, 2006): below .1 no change
    worth a look, from .25 one that calls for a new model. The others are ours: differences of means and
    shares, and for one label the factor by which its share changed and the least difference of it.
    """

    psi: tuple[float, float] = (0.1, 0.25)
    confidence: tuple[float, float] = (0.03, 0.1)
    out_of_scope: tuple[float, float] = (0.02, 0.1)
    growth: tuple[float, float] = (1.5, 3.0)
    growth_least: float = 0.01


def findings_of(report: DriftReport, chance: float, limits: Thresholds) -> tuple[Finding, ...]:
    """What is as large as ``limits`` say and of a p of at most ``chance``, worst first."""
    found = [
        *_label_findings(report, chance, limits),
        *_growth_findings(report, chance, limits),
        *_shift_findings(report, chance, limits),
    ]
    if report.mmd_p <= chance:
        text = f"the messages differ from the earlier ones (MMD {report.mmd:.3f}, p {report.mmd_p:.3f})"
        found.append(Finding("vectors", Severity.MODERATE, text))
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.MAJOR))


def _severity(size: float, limits: tuple[float, float]) -> Severity:
    if size < limits[0]:
        return Severity.NONE
    return Severity.MAJOR if size >= limits[1] else Severity.MODERATE


def _label_findings(report: DriftReport, chance: float, limits: Thresholds) -> list[Finding]:
    severity = _severity(report.psi, limits.psi)
    if severity is Severity.NONE or report.psi_p > chance:
        return []
    most = ", ".join(_in_words(each) for each in report.growth[:3])
    text = f"the labels are shared out differently (PSI {report.psi:.2f}), above all {most}"
    return [Finding("labels", severity, text)]


def _growth_findings(report: DriftReport, chance: float, limits: Thresholds) -> list[Finding]:
    found = []
    for each in report.growth:
        severity = _severity(max(each.factor, 1 / each.factor), limits.growth)
        enough = abs(each.share.difference) >= limits.growth_least
        if severity is not Severity.NONE and enough and each.share.p <= chance:
            found.append(Finding(f"label:{each.label}", severity, _in_words(each)))
    return found


def _shift_findings(report: DriftReport, chance: float, limits: Thresholds) -> list[Finding]:
    found = []
    for kind, what, shift, sizes in (
        ("confidence", "mean confidence", report.confidence, limits.confidence),
        ("out_of_scope", "messages out of scope", report.out_of_scope, limits.out_of_scope),
    ):
        severity = _severity(abs(shift.difference), sizes)
        if severity is not Severity.NONE and shift.p <= chance:
            found.append(Finding(kind, severity, f"{what} {_from_to(shift)}"))
    return found


def _in_words(growth: LabelGrowth) -> str:
    return f"{growth.label} {_from_to(growth.share)}"


def _from_to(shift: Shift) -> str:
    verb = "rose" if shift.difference > 0 else "fell"
    return (
        f"{verb} from {shift.before:.1%} to {shift.after:.1%}"
        f" ({100 * shift.low:+.1f} to {100 * shift.high:+.1f} points)"
    )
