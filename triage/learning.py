"""A night's learning: corrections in, a better model live or a reason why not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from inference.embeddings import Encoder
from kit.ids import WorkspaceId
from store.engine import Database
from triage.correction_store import CorrectionStore
from triage.corrections import Correction, LabelKind
from triage.errors import UnknownTriageModel
from triage.examples import Example, content_hash
from triage.learning_report import LearningReport, Outcome
from triage.model import HeldOut, IntentModel, load_model
from triage.models import POINTS, points_of
from triage.registry import ModelRegistry, ModelState, ModelVersion
from triage.risk import OperatingPoints
from triage.stopping import in_thread
from triage.study import Study, StudyLimits, Verdict, study, train_with_unseen, trainable, training_set
from triage.taxonomy import Intent

# In a model's provenance: the ids of what it learned from, a hash of what it could have, what was live then.
_LEARNED, _CONSIDERED, _AGAINST = "corrections", "considered_sha256", "against"
_KIND = LabelKind.INTENT


@dataclass(frozen=True, slots=True)
class LearnedIntents:
    """An intent model with the operating points of its own held-out messages, as the registry keeps it."""

    model: IntentModel
    points: OperatingPoints

    def save(self, folder: Path) -> None:
        """Write both into ``folder``, as ``load_model`` and ``load_points`` read them."""
        self.model.save(folder)
        (folder / POINTS).write_text(self.points.to_json(), encoding="utf-8")


class Learner:
    """Learns the intents of a workspace from the corrections of its people; one at a time.

    ``intents`` of the taxonomy tell which queue a label leads to, for operating points. Keeps no time:
    whoever has a clock asks for the ``last_night`` and calls ``learn``.
    """

    def __init__(
        self,
        database: Database,
        corrections: CorrectionStore,
        registry: ModelRegistry,
        encoder: Encoder,
        *,
        intents: Mapping[str, Intent],
        limits: StudyLimits | None = None,
    ) -> None:
        self._database = database
        self._corrections = corrections
        self._registry = registry
        self._encoder = encoder
        self._intents = intents
        self._limits = limits or StudyLimits()
        self._one_at_a_time = asyncio.Lock()

    async def material(self, workspace: WorkspaceId, base: Sequence[Example]) -> str | None:
        """A hash of all there is to learn from, in hexadecimal; none where nothing was ever corrected.

        It changes with every correction, also with one that is withdrawn or erased, with the trusted
        examples, and with the encoder.
        """
        async with self._database.read() as connection:
            counting = await self._corrections.counting(connection, workspace, _KIND)
        if not counting:
            return None
        ids = ",".join(f"{number}{'' if counts else '-'}" for number, counts in sorted(counting.items()))
        return content_hash([*base, Example(ids, self._encoder.identity)])

    async def learn(
        self, workspace: WorkspaceId, base: Sequence[Example], *, at: datetime, seed: int = 0
    ) -> LearningReport:
        """Learn from every correction so far; ``base`` are the trusted examples the company began with.

        A live model that learned from corrections which were since withdrawn or erased is first replaced by
        one without them, and every older model with erased ones loses its files. What is then promoted has
        been shown to be better (``study``); what was rejected is kept for whoever wants to look. Raises
        ``UnknownTriageModel`` when no model is live, ``ModelUnreadable``, ``ModelSuperseded`` when somebody
        promotes or rolls back meanwhile. Cancelled, it leaves everything as it was, and its thread ends
        within a fold of the training that it is at.
        """
        async with self._one_at_a_time:
            async with self._database.read() as connection:
                corrections = await self._corrections.of_kind(connection, workspace, _KIND)
                stored = set(await self._corrections.counting(connection, workspace, _KIND))
            live, forgotten = await self._forget(workspace, base, corrections, stored, seed=seed)
            night = _Night(workspace, base, corrections, live, forgotten, at)
            before = await self._tried_before(night)
            if before is not None:
                reason = f"Nothing was corrected since {before.version} was tried."
                return night.report(Outcome.WAITING, Study(Verdict.WAIT, (reason,), usable=0, new=0))
            model = await asyncio.to_thread(load_model, self._registry.path(live))
            found = await in_thread(
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

    def _with_points(self, model: IntentModel, unseen: HeldOut) -> LearnedIntents:
        return LearnedIntents(model, points_of(model.labels, unseen, self._intents))

    async def _act(self, night: _Night, found: Study) -> LearningReport:
        if found.verdict is Verdict.PROMOTE and found.final is not None and found.unseen is not None:
            report = night.report(Outcome.PROMOTED, found)
            added = await self._registry.add(
                night.workspace,
                _KIND,
                self._with_points(found.final, found.unseen),
                metrics=report.figures(),
                provenance=night.provenance(found.final, found.learned),
            )
            await self._registry.promote(night.workspace, _KIND, added.version, instead_of=night.live.version)
            return replace(report, live=added.version, tried=added.version)
        if found.verdict is Verdict.REJECT and found.candidate is not None and found.unseen is not None:
            report = night.report(Outcome.REJECTED, found)
            added = await self._registry.add(
                night.workspace,
                _KIND,
                self._with_points(found.candidate, found.unseen),
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
            model, unseen = await in_thread(train_with_unseen, examples, self._encoder, seed=seed)
            night = _Night(workspace, base, corrections, live, len(gone), live.created_at)
            added = await self._registry.add(
                workspace,
                _KIND,
                self._with_points(model, unseen),
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


def _learned(model: ModelVersion) -> set[int]:
    return set(model.provenance.get(_LEARNED, ()))


def _known(live: ModelVersion, corrections: Sequence[Correction]) -> list[Correction]:
    learned = _learned(live)
    return [correction for correction in corrections if correction.id in learned]
