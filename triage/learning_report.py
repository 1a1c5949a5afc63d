"""What a night's learning came to, for people and for the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from triage.comparison import Paired
from triage.study import Study


class Outcome(StrEnum):
    """What a night came to."""

    PROMOTED = "promoted"
    REJECTED = "rejected"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class LearningReport:
    """What was learned, or why nothing was; no text of any message is in it.

    ``live`` is the version that answers afterwards, ``tried`` the one that was judged, where one was saved.
    ``forgotten`` counts corrections that the live model had learned and that were withdrawn or erased: a
    model without them took its place before anything else.
    """

    outcome: Outcome
    at: datetime
    live: str
    tried: str | None
    forgotten: int
    study: Study

    @property
    def text(self) -> str:
        """For people: the outcome, its reasons and figures, a line each."""
        lines = [f"{self.outcome.capitalize()}: {self.live} answers.", *self.study.reasons]
        if self.forgotten:
            lines.append(
                f"{self.forgotten} corrections were withdrawn or erased; the model was made without."
            )
        if self.study.conflicts:
            lines.append(
                f"{len(self.study.conflicts)} messages were given different labels; the last word holds: "
                + "; ".join(" then ".join(each.labels) for each in self.study.conflicts[:5])
            )
        if self.study.unlearnable:
            lines.append(f"Only one example of: {', '.join(self.study.unlearnable)}. It was left out.")
        return "\n".join(lines)

    def record(self) -> dict[str, Any]:
        """All of it as plain JSON: ``outcome``, ``live``, ``tried``, ``text`` and ``figures``."""
        return {
            "outcome": str(self.outcome),
            "live": self.live,
            "tried": self.tried,
            "text": self.text,
            "figures": self.figures(),
        }

    def figures(self) -> dict[str, Any]:
        """As plain JSON, for the database and whoever asks."""
        found = self.study
        parts: Mapping[str, Paired | None] = {
            "hold_out": found.hold_out,
            "trusted": found.trusted,
            "together": found.together,
        }
        return {
            "outcome": str(self.outcome),
            "reasons": list(found.reasons),
            "usable": found.usable,
            "new": found.new,
            "held_out": found.held_out,
            "repeated": found.repeated,
            "conflicts": len(found.conflicts),
            "forgotten": self.forgotten,
            "quarantined": [asdict(batch) for batch in found.quarantined],
            "losses": [asdict(loss) for loss in found.losses],
            "watched": [asdict(loss) for loss in found.watched],
            **{name: asdict(part) for name, part in parts.items() if part is not None},
        }
