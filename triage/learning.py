"""A night's learning: corrections in, a better model live or a reason why not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from inference.embeddings import Encoder
from kit.ids import WorkspaceId
from store.engine import Database
from triage.comparison import Paired
from triage.correction_store import CorrectionStore
from triage.corrections import Correction, LabelKind
from triage.errors import UnknownTriageModel
from triage.examples import Example, content_hash
from triage.model import IntentModel, load_model, train
from triage.registry import ModelRegistry, ModelState, ModelVersion
from triage.study import Study, StudyLimits, Verdict, study, trainable, training_set

# In a model's provenance: the ids of what it learned from, a hash of what it could have, what was live then.
_LEARNED, _CONSIDERED, _AGAINST = "corrections", "considered_sha256", "against"
_KIND = LabelKind.INTENT


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
            **{name: asdict(part) for name, part in parts.items() if part is not None},
        }


class Learner:
    """Learns the intents of a workspace from the corrections of its people; one at a time.

    Starts no thread and keeps no time: whoever has a scheduler asks ``due`` and calls ``learn``.
    """

    def __init__(
        self,
        database: Database,
        corrections: CorrectionStore,
        registry: ModelRegistry,
        encoder: Encoder,
        *,
        limits: StudyLimits | None = None,
    ) -> None:
        self._database = database
        self._corrections = corrections
        self._registry = registry
        self._encoder = encoder
        self._limits = limits or StudyLimits()
        self._one_at_a_time = asyncio.Lock()

    async def learn(
        self, workspace: WorkspaceId, base: Sequence[Example], *, at: datetime, seed: int = 0
    ) -> LearningReport:
        """Learn from every correction so far; ``base`` are the trusted examples the company began with.

        A live model that learned from corrections which were since withdrawn or erased is first replaced by
        one without them, and every older model with erased ones loses its files. What is then promoted has
        been shown to be better (``study``); what was rejected is kept for whoever wants to look. Raises
        ``UnknownTriageModel`` when no model is live, ``ModelUnreadable``, ``ModelSuperseded`` when somebody
        promotes or rolls back meanwhile.
        """
        async with self._one_at_a_time:
            async with self._database.read() as connection:
                corrections = await self._corrections.of_kind(connection, workspace, _KIND)
                stored = await self._corrections.ids(connection, workspace, _KIND)
            live, forgotten = await self._forget(workspace, base, corrections, stored, seed=seed)
            night = _Night(workspace, base, corrections, live, forgotten, at)
            before = await self._tried_before(night)
            if before is not None:
                reason = f"Nothing was corrected since {before.version} was tried."
                return night.report(Outcome.WAITING, Study(Verdict.WAIT, (reason,), usable=0, new=0))
            model = await asyncio.to_thread(load_model, self._registry.path(live))
            found = await asyncio.to_thread(
                study,
                base,
                corrections,
                model,
                self._encoder,
                known=night.known,
                limits=self._limits,
                seed=seed,
            )
            return await self._act(night, found)

    async def _act(self, night: _Night, found: Study) -> LearningReport:
        if found.verdict is Verdict.PROMOTE and found.final is not None:
            report = night.report(Outcome.PROMOTED, found)
            added = await self._registry.add(
                night.workspace,
                _KIND,
                found.final,
                metrics=report.figures(),
                provenance=night.provenance(found.final, found.learned),
            )
            await self._registry.promote(night.workspace, _KIND, added.version, instead_of=night.live.version)
            return replace(report, live=added.version, tried=added.version)
        if found.verdict is Verdict.REJECT and found.candidate is not None:
            report = night.report(Outcome.REJECTED, found)
            added = await self._registry.add(
                night.workspace,
                _KIND,
                found.candidate,
                metrics=report.figures(),
                provenance=night.provenance(found.candidate, found.tried),
                state=ModelState.REJECTED,
            )
            return replace(report, tried=added.version)
        return night.report(Outcome.WAITING, found)

    async def _forget(
        self,
        workspace: WorkspaceId,
        base: Sequence[Example],
        corrections: Sequence[Correction],
        stored: AbstractSet[int],
        *,
        seed: int,
    ) -> tuple[ModelVersion, int]:
        """The live version without what no longer counts, and how many corrections that were."""
        live = await self._registry.live(workspace, _KIND)
        if live is None:
            raise UnknownTriageModel(f"No {_KIND} model is live; train one and promote it first.")
        gone = _learned(live) - {correction.id for correction in corrections}
        if gone:
            kept = _known(live, corrections)
            examples, _ = trainable(training_set(base, kept))
            model = await asyncio.to_thread(_train, examples, self._encoder, seed)
            night = _Night(workspace, base, corrections, live, len(gone), live.created_at)
            added = await self._registry.add(
                workspace,
                _KIND,
                model,
                metrics={"forgotten": len(gone)},
                provenance=night.provenance(model, kept) | {_CONSIDERED: None},
            )
            live = await self._registry.promote(workspace, _KIND, added.version, instead_of=live.version)
        history = await self._registry.history(workspace, _KIND)
        with_erased = [model.version for model in history if _learned(model) - stored]
        await self._registry.discard(workspace, _KIND, with_erased)
        return live, len(gone)

    async def _tried_before(self, night: _Night) -> ModelVersion | None:
        """The version that came of the same corrections and the same live model, if one did."""
        tried = {_CONSIDERED: night.considered, _AGAINST: night.live.version}
        history = await self._registry.history(night.workspace, _KIND)
        return next((model for model in history if tried.items() <= model.provenance.items()), None)


@dataclass(frozen=True, slots=True)
class _Night:
    """What a night starts from."""

    workspace: WorkspaceId
    base: Sequence[Example]
    corrections: Sequence[Correction]
    live: ModelVersion
    forgotten: int
    at: datetime

    @property
    def known(self) -> list[Correction]:
        """What the live model learned."""
        return _known(self.live, self.corrections)

    @property
    def considered(self) -> str:
        """A hash of everything there was to learn from, in hexadecimal."""
        ids = ",".join(str(correction.id) for correction in self.corrections)
        return content_hash([*self.base, Example(ids, _LEARNED)])

    def report(self, outcome: Outcome, found: Study) -> LearningReport:
        """A report that names no version tried yet."""
        return LearningReport(outcome, self.at, self.live.version, None, self.forgotten, found)

    def provenance(self, model: IntentModel, learned: Sequence[Correction]) -> dict[str, Any]:
        """Where ``model`` is from, which ``learned`` from those corrections besides the base."""
        return {
            **model.provenance,
            "base_sha256": content_hash(self.base),
            _LEARNED: [correction.id for correction in learned],
            _AGAINST: self.live.version,
            _CONSIDERED: self.considered,
        }


def due(now: datetime, last_run: datetime | None, *, at: time) -> bool:
    """Whether the daily run of ``at`` has not happened yet: it was due before ``now``, after ``last_run``.

    ``at`` is in its own time zone, or in UTC. A run that was missed is due as soon as anybody asks, once.
    """
    local = now.astimezone(at.tzinfo or UTC)
    latest = datetime.combine(local.date(), at, tzinfo=local.tzinfo)
    if latest > local:
        latest = datetime.combine(local.date() - timedelta(days=1), at, tzinfo=local.tzinfo)
    return last_run is None or last_run < latest


def _train(examples: Sequence[Example], encoder: Encoder, seed: int) -> IntentModel:
    return train(examples, encoder, seed=seed)[0]


def _learned(model: ModelVersion) -> set[int]:
    return set(model.provenance.get(_LEARNED, ()))


def _known(live: ModelVersion, corrections: Sequence[Correction]) -> list[Correction]:
    learned = _learned(live)
    return [correction for correction in corrections if correction.id in learned]
