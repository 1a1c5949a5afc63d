"""What triages the messages of each workspace: what ships, with the intent model that is live there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from inference.embeddings import Encoder
from kit.ids import WorkspaceId
from kit.log import get_logger
from triage.corrections import LabelKind
from triage.errors import ModelUnreadable
from triage.known_labels import KnownLabels
from triage.labels import Triage
from triage.learning import Learner
from triage.learning_ledger import LearningLedger
from triage.live_model import LiveModels, Loaded
from triage.message import Message
from triage.model import IntentModel, load_model
from triage.models import POINTS, TriageModels, load_points
from triage.opinion_report import Prices
from triage.opinion_store import OpinionStore
from triage.registry import ModelRegistry
from triage.risk import OperatingPoints
from triage.routing import Router, Routing
from triage.second_opinion import SecondOpinions
from triage.taxonomy import Taxonomy
from triage.tickets import TicketStore
from triage.triager import Triager

KIND = LabelKind.INTENT
_log = get_logger("api.triagers")


@dataclass(frozen=True, slots=True)
class LiveIntents:
    """An intent model, and its own operating points where they were stored with it."""

    model: IntentModel
    points: OperatingPoints | None


def load_intents(folder: Path) -> LiveIntents:
    """What a version of the registry holds in ``folder``. Raises ``ModelUnreadable``."""
    points = load_points(folder) if (folder / POINTS).is_file() else None
    return LiveIntents(load_model(folder), points)


@dataclass(frozen=True, slots=True)
class Answering:
    """A triager, and the version of its intent model in the registry: none while it is the one that ships."""

    triager: Triager
    intent_model: str | None


class Triagers:
    """The triager of each workspace, in step with what anybody promotes or rolls back.

    ``shipped`` are the models that a workspace begins with, ``make`` makes a triager of models, ``live``
    knows the intent model of each workspace; one without operating points of its own has those of the one
    that ships. A live model that cannot be read, or was trained for another encoder, is logged, and the one
    before it goes on answering.
    """

    def __init__(
        self,
        shipped: TriageModels,
        make: Callable[[TriageModels], Triager],
        live: LiveModels[LiveIntents],
    ) -> None:
        self.shipped = shipped
        self._make = make
        self._live = live
        self._begin = Answering(make(shipped), None)
        self._made: dict[WorkspaceId, tuple[str, Answering]] = {}  # by the live version they were made for

    async def of(self, workspace: WorkspaceId) -> Answering:
        """What answers in the workspace now."""
        before = self._made.get(workspace, ("", self._begin))
        try:
            loaded = await self._live.get(workspace)
        except ModelUnreadable as error:
            _log.error("live_model_unreadable", reason=error.detail)
            return before[1]
        if loaded is None:
            self._made.pop(workspace, None)
            return self._begin
        if before[0] != loaded.version:
            before = self._made[workspace] = (loaded.version, self._with(loaded, before[1]))
        return before[1]

    async def triage(
        self, workspace: WorkspaceId, messages: Sequence[Message], *, evidence: bool, today: date
    ) -> tuple[list[Triage], Answering]:
        """What each message is, and who said so; worked out in a thread."""
        answering = await self.of(workspace)
        found = await asyncio.to_thread(answering.triager.triage, messages, evidence=evidence, today=today)
        return found, answering

    def _with(self, loaded: Loaded[LiveIntents], before: Answering) -> Answering:
        try:
            return Answering(self._make(self._models(loaded.model)), loaded.version)
        except ModelUnreadable as error:
            _log.error("live_model_of_another_encoder", version=loaded.version, reason=error.detail)
            return before

    def _models(self, live: LiveIntents) -> TriageModels:
        return replace(self.shipped, intents=live.model, points=live.points or self.shipped.points)


@dataclass(frozen=True, slots=True)
class TriageParts:
    """What the routes of triage, tickets and learning call.

    Without ``second_opinion`` no language model is asked; ``prices`` are what its tokens cost, where that is
    known. It learns every night ``learn_at`` that time of day, in its own time zone or UTC; never without.
    """

    taxonomy: Taxonomy
    triagers: Triagers
    router: Router | None
    labels: KnownLabels
    tickets: TicketStore
    registry: ModelRegistry
    learner: Learner
    ledger: LearningLedger
    opinions: OpinionStore
    encoder: Encoder
    second_opinion: SecondOpinions | None = None
    prices: Prices | None = None
    learn_at: time | None = None

    def route(
        self, triage: Triage, *, at: datetime, facts: Mapping[str, Any], channel: str | None
    ) -> Routing | None:
        """Where what arrived ``at`` goes; none without rules."""
        if self.router is None:
            return None
        return self.router.route(triage, at=at, facts=facts, channel=channel)
