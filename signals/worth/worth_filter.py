"""What is told of what was detected, once outcomes have taught what is noise."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from inference.embeddings import Vector
from kit.ids import WorkspaceId
from signals.detection import Detected, Heard
from signals.signal import Signal, SignalKind
from signals.worth.circumstances import Circumstances, CircumstanceStore, circumstances_of, words_of
from signals.worth.worth import Case, Worth, WorthModel
from signals.worth.worth_learning import Aims, Live
from signals.worth.worth_store import WorthStore

Vectorise = Callable[[str], Awaitable[Vector]]

_REASONS = 3  # of what moved a probability, in the explanation of a signal
_LEAST_MOVED = 0.05  # of a logit: less is no reason


@dataclass(frozen=True, slots=True)
class Weighed:
    """What is to be told: ``found`` with the probability that it is right, and ``why`` in a line each."""

    found: Detected
    seen: Circumstances
    why: tuple[str, ...] = ()


class WorthFilter:
    """Moves probabilities by what outcomes taught, and leaves out what they say is noise.

    ``facts`` are the names of what is learnt from of customers; ``vectorise`` gives the sentence vector of a
    text, and is asked only where something was learnt. Every function takes the connection of a running
    transaction.
    """

    def __init__(
        self,
        models: WorthStore,
        circumstances: CircumstanceStore,
        vectorise: Vectorise,
        *,
        facts: Sequence[str],
        aims: Aims,
    ) -> None:
        self._models = models
        self._circumstances = circumstances
        self._vectorise = vectorise
        self._facts = tuple(facts)
        self._aims = aims

    async def weigh(
        self,
        connection: AsyncConnection,
        workspace: WorkspaceId,
        found: Sequence[Detected],
        *,
        known: Mapping[str, object],
        heard: Heard | None,
    ) -> list[Weighed]:
        """What of ``found`` is to be told of a customer of whom ``known`` is known, in its order."""
        lives = await self._models.live(connection, workspace, {one.kind for one in found}) if found else {}
        told = []
        for one in found:
            seen = circumstances_of(one, known, names=self._facts, heard=heard)
            live = lives.get(one.kind)
            weighed: Weighed | None = Weighed(one, seen)
            if live is not None and live.model is not None:
                weighed = self._moved(one, seen, live, await self._judge(live.model, one, seen, heard))
            if weighed is not None:
                told.append(weighed)
        return told

    async def told(
        self, connection: AsyncConnection, signal: Signal, weighed: Weighed, *, at: datetime
    ) -> None:
        """Keep the circumstances of what was told, where its evidence is what the signal has now."""
        if signal.evidence == weighed.found.quotes and signal.source == weighed.found.source:
            await self._circumstances.keep(connection, signal.workspace_id, signal.id, weighed.seen, at=at)

    async def _judge(
        self, model: WorthModel, found: Detected, seen: Circumstances, heard: Heard | None
    ) -> Worth:
        words = words_of(found, heard)
        vector = np.asarray(await self._vectorise(words), dtype=np.float64) if words else None
        return model.judge(Case(seen, vector))

    def _moved(self, found: Detected, seen: Circumstances, live: Live, worth: Worth) -> Weighed | None:
        why = [_line(found, worth)]
        if worth.probability < live.cut:
            if not looks(found.kind, found.origin, share=self._aims.looks):
                return None
            seen = replace(seen, looked=True)
            why.append("told all the same: one of those that show whether outcomes still say so")
        return Weighed(replace(found, probability=worth.probability), seen, tuple(why))


def looks(kind: SignalKind, origin: str, *, share: float) -> bool:
    """Whether what was heard in ``origin`` is one of the ``share`` that is told against what outcomes say.

    The same for the same, on every server.
    """
    drawn = hashlib.blake2b(f"{kind}\0{origin}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn) < share * 2**64


def _line(found: Detected, worth: Worth) -> str:
    moved = [one for one in worth.moved if abs(one.logit) >= _LEAST_MOVED][:_REASONS]
    reasons = ", ".join(f"{one.what} {one.logit:+.1f}" for one in moved) or "nothing in particular"
    return f"outcomes: {found.probability:.2f} became {worth.probability:.2f}: {reasons}"
