"""Whether the messages of today are still like those that the model was set up with."""

from triage.drift.discrepancy import mean_discrepancy
from triage.drift.findings import Thresholds
from triage.drift.label_shares import RARE
from triage.drift.measurement import FALSE_ALARMS, measure_drift
from triage.drift.new_words import NewWord
from triage.drift.report import DriftReport, Finding, LabelGrowth, Severity
from triage.drift.shift import Shift
from triage.drift.snapshot import VECTORS, Snapshot, load_snapshot

__all__ = [
    "FALSE_ALARMS",
    "RARE",
    "VECTORS",
    "DriftReport",
    "Finding",
    "LabelGrowth",
    "NewWord",
    "Severity",
    "Shift",
    "Snapshot",
    "Thresholds",
    "load_snapshot",
    "mean_discrepancy",
    "measure_drift",
]
