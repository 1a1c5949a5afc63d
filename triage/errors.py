"""Errors of triage.

CareloopError
├── Conflict
│   ├── CannotResume
│   ├── LearningUnderWay
│   ├── ModelSuperseded
│   ├── NothingToRollBackTo
│   └── TargetTaken
├── InvalidInput
│   ├── CorrectionsInvalid
│   ├── ExamplesInvalid
│   ├── FileUnreadable
│   ├── PatternInvalid
│   ├── RoutingInvalid
│   └── TaxonomyInvalid
├── NotFound
│   ├── UnknownCorrection
│   ├── UnknownTicket
│   └── UnknownTriageModel
└── Misconfigured
    ├── ModelUnreadable
    ├── OperatingPointsUnreadable
    └── SnapshotUnreadable
"""

from __future__ import annotations

from collections.abc import Sequence

from kit.errors import Conflict, InvalidInput, Misconfigured, NotFound


class CorrectionsInvalid(InvalidInput):
    """Corrections cannot be used; the detail names file, row and reason."""

    code = "corrections_invalid"


class ExamplesInvalid(InvalidInput):
    """Labelled examples cannot be used; the detail names file, row and reason."""

    code = "examples_invalid"


class PatternInvalid(InvalidInput):
    """A company's own entity pattern is no regular expression, or one that could take for ever."""

    code = "entity_pattern_invalid"


class ModelUnreadable(Misconfigured):
    """A folder holds no triage model, or one of another encoder."""

    code = "triage_model_unreadable"


class RoutingInvalid(InvalidInput):
    """Routing rules cannot be used; the detail names file, places and reasons.

    ``problems`` are all places with their reasons; none where the file cannot be read at all.
    """

    code = "routing_invalid"

    def __init__(self, detail: str, problems: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(detail)
        self.problems = tuple(problems)


class TaxonomyInvalid(InvalidInput):
    """A taxonomy cannot be used; the detail names file, places and reasons."""

    code = "taxonomy_invalid"


class FileUnreadable(InvalidInput):
    """A file of rows cannot be read or written; the detail names file, row and reason."""

    code = "file_unreadable"


class CannotResume(Conflict):
    """What a run left behind is of another source, model or options, or another process is at it."""

    code = "cannot_resume"


class BackfillUnderWay(Conflict):
    """Somebody is at a backfill of the workspace already."""

    code = "backfill_under_way"


class NothingToStop(Conflict):
    """No backfill of the workspace is under way."""

    code = "nothing_to_stop"


class NothingToUndo(Conflict):
    """The workspace has no backfill that was not undone already."""

    code = "nothing_to_undo"


class TargetTaken(Conflict):
    """There is a file already where a result is to be written."""

    code = "target_taken"


class SnapshotUnreadable(Misconfigured):
    """A folder holds no snapshot to measure drift against."""

    code = "snapshot_unreadable"


class OperatingPointsUnreadable(Misconfigured):
    """A text holds no table of operating points, or one of another version."""

    code = "operating_points_unreadable"


class UnknownTicket(NotFound):
    """There is no such ticket in this workspace."""

    code = "unknown_ticket"


class UnknownCorrection(NotFound):
    """There is no such correction in this workspace."""

    code = "unknown_correction"


class UnknownTriageModel(NotFound):
    """There is no such version of a triage model in this workspace."""

    code = "unknown_triage_model"


class LearningUnderWay(Conflict):
    """The workspace is learning already, here or on another server."""

    code = "learning_under_way"


class ModelSuperseded(Conflict):
    """A model was to take the place of one that is no longer live."""

    code = "triage_model_superseded"


class NothingToRollBackTo(Conflict):
    """No model was live before the present one, or its files are gone."""

    code = "nothing_to_roll_back_to"
