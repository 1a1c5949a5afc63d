"""Errors of signals.

CareloopError
├── InvalidInput
│   ├── ChurnRowsInvalid
│   ├── CountsInvalid
│   ├── FeedPlaceInvalid
│   ├── OutcomeInvalid
│   └── SignalDataInvalid
├── Conflict
│   └── NothingToDispute
├── NotFound
│   └── UnknownSignal
└── Misconfigured
    └── ChurnModelUnreadable
"""

from __future__ import annotations

from collections.abc import Sequence

from kit.errors import Conflict, InvalidInput, Misconfigured, NotFound


class ChurnRowsInvalid(InvalidInput):
    """A churn model cannot be made of these customers, or cannot read one; the detail says why."""

    code = "churn_rows_invalid"


class CountsInvalid(InvalidInput):
    """Counts of contacts cannot be used; the detail names what is wrong with them."""

    code = "counts_invalid"


class FeedPlaceInvalid(InvalidInput):
    """What a reader of the live feed wants to go on from is no place in it."""

    code = "feed_place_invalid"


class OutcomeInvalid(InvalidInput):
    """An outcome says what cannot be."""

    code = "outcome_invalid"


class SignalDataInvalid(InvalidInput):
    """Rules, a catalogue, sequences or claims cannot be used; the detail names file, places and reasons.

    ``problems`` are the places ("rules[2].when") with the reason of each; empty where the file is no YAML.
    """

    code = "signal_data_invalid"

    def __init__(self, detail: str, problems: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(detail)
        self.problems = tuple(problems)


class NothingToDispute(Conflict):
    """Nobody has said yet what became of the signal, or nobody disputes it."""

    code = "nothing_to_dispute"


class UnknownSignal(NotFound):
    """There is no such signal in the workspace."""

    code = "unknown_signal"


class ChurnModelUnreadable(Misconfigured):
    """A file holds no churn model, or one of another format."""

    code = "churn_model_unreadable"
