"""What an answer may not say as the brand does not approve it, what became of it, how often that was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from bot.answer import Answer, Citation
from kit.clock import Clock
from kit.ids import WorkspaceId
from kit.log import get_logger
from signals.brand.brands import Brands
from signals.brand.claim_checker import Finding, FindingKind

TRACE = "claims"  # where the trace of an answer holds its objections
CONTRADICTION = "contradiction"  # why a person takes over: what would be quoted is not approved
_log = get_logger("bot.claims")


class Became(StrEnum):
    """What became of words that the brand does not approve."""

    LEFT_OUT = "left_out"  # the rest of the answer was said
    WITHHELD = "withheld"  # the answer was for nothing else: a person takes over
    REFUSED = "refused"  # a language model wrote them: its draft was thrown away


@dataclass(frozen=True, slots=True)
class Objection:
    """``finding`` on words that stand at ``citation``, or that a language model wrote."""

    finding: Finding
    became: Became
    citation: Citation | None = None

    def record(self) -> dict[str, object]:
        """For the trace, which is not encrypted: a number, a name or a phrase of the brand, no message."""
        found, quoted = self.finding, self.citation
        return {
            "kind": str(found.kind),
            "said": found.text,
            "about": found.about,
            "approved": found.approved,
            "became": str(self.became),
            "document_id": None if quoted is None else quoted.document_id,
            "version_id": None if quoted is None else quoted.version_id,
            "title": None if quoted is None else quoted.title,
            "start": None if quoted is None else quoted.start,
            "end": None if quoted is None else quoted.end,
        }


class ClaimReview:
    """Looks at texts of answers, and notes what was found, for the log and the metrics of this process."""

    def __init__(self, brands: Brands, clock: Clock) -> None:
        self.brands = brands
        self._clock = clock
        self._counts: Counter[tuple[FindingKind, Became]] = Counter()

    def check(self, workspace: WorkspaceId, text: str) -> Sequence[Finding]:
        """What of ``text`` may not be said in the workspace today."""
        return self.brands.check(workspace, text, at=self._clock.now())

    def of(self, workspace: WorkspaceId) -> Callable[[str], Sequence[Finding]]:
        """The check of one workspace."""
        return partial(self.check, workspace)

    def note(self, workspace: WorkspaceId, answer: Answer) -> None:
        """Count and log the objections of an answer."""
        for one in objections_of(answer.trace):
            self._counts[FindingKind(str(one["kind"])), Became(str(one["became"]))] += 1
            _log.warning("claim_contradicted", workspace=workspace, **one)

    @property
    def counts(self) -> Mapping[tuple[FindingKind, Became], int]:
        """How many there were, since this process began."""
        return dict(self._counts)


def objections_of(trace: Mapping[str, object]) -> list[dict[str, object]]:
    """The records of objections in a trace; none where there were none."""
    found = trace.get(TRACE)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
