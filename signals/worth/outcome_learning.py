"""Every night: which signals were right, and whether a model of that is better than the one in force."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from inference.embeddings import Encoder
from kit.ids import SignalId, WorkspaceId
from signals.judgements import TUNED, Judgements
from signals.policy import POLICIES
from signals.precision import Judged
from signals.signal import SignalKind
from signals.worth.circumstances import CircumstanceStore, quoted_sentences
from signals.worth.worth import Case, Floats
from signals.worth.worth_learning import TOO_FEW, WINDOW, Aims, Live, Row, Verdict, enough, study
from signals.worth.worth_store import WorthStore, because
from store.engine import Database


@dataclass(frozen=True, slots=True)
class Learnt:
    """What the outcomes of a kind came to."""

    kind: SignalKind
    verdict: Verdict


class OutcomeLearning:
    """Learns in a workspace from what became of its signals, kind by kind."""

    def __init__(
        self,
        database: Database,
        judgements: Judgements,
        circumstances: CircumstanceStore,
        models: WorthStore,
        encoder: Encoder,
        *,
        aims: Aims,
    ) -> None:
        self._database = database
        self._judgements = judgements
        self._circumstances = circumstances
        self._models = models
        self._encoder = encoder
        self._aims = aims

    async def learn(self, workspace: WorkspaceId, *, at: datetime) -> list[Learnt]:
        """What became of signals, put in force where the youngest outcomes show that it is better.

        Where a model takes over, a threshold that was raised goes back to what it began with: what is left
        out is the model's choice from then on.
        """
        settled = await self._settled(workspace, at=at)
        found = []
        for kind, judged in sorted(settled.items()):
            async with self._database.read() as connection:
                live = (await self._models.live(connection, workspace, [kind])).get(kind)
            times = sorted(one.recorded_at for one in judged if one.recorded_at is not None)
            if not enough(times, live):
                found.append(Learnt(kind, Verdict(TOO_FEW, len(judged))))
                continue
            rows = await self._rows(workspace, judged)
            verdict = await asyncio.to_thread(study, rows, live, aims=self._aims, at=at)
            await self._put(workspace, kind, live, verdict, at=at)
            found.append(Learnt(kind, verdict))
        return found

    async def _settled(self, workspace: WorkspaceId, *, at: datetime) -> dict[SignalKind, list[Judged]]:
        async with self._database.read() as connection:
            judged = await self._judgements.judged(connection, workspace, since=at - WINDOW)
            known = await self._circumstances.of_signals(
                connection, workspace, [one.signal.id for one in judged if one.right is not None]
            )
        settled: dict[SignalKind, list[Judged]] = {}
        for one in judged:
            if one.signal.id in known:
                settled.setdefault(one.signal.kind, []).append(one)
        return settled

    async def _rows(self, workspace: WorkspaceId, judged: Sequence[Judged]) -> list[Row]:
        signals = [one.signal for one in judged]
        async with self._database.read() as connection:
            texts = await self._judgements.texts(connection, workspace, signals)
            seen = await self._circumstances.of_signals(
                connection, workspace, [signal.id for signal in signals]
            )
        said = {
            signal.id: words
            for signal in signals
            if (words := quoted_sentences(signal.evidence, texts.get(signal.id, {})))
        }
        vectors = await asyncio.to_thread(self._vectors, said)
        return [
            Row(Case(seen[one.signal.id], vectors.get(one.signal.id)), one.right, one.recorded_at)
            for one in judged
            if one.signal.id in seen and one.right is not None and one.recorded_at is not None
        ]

    def _vectors(self, said: Mapping[SignalId, str]) -> dict[SignalId, Floats]:
        if not said:
            return {}
        table = np.asarray(self._encoder.encode(list(said.values())), dtype=np.float64)
        return dict(zip(said, table, strict=True))

    async def _put(
        self, workspace: WorkspaceId, kind: SignalKind, live: Live | None, verdict: Verdict, *, at: datetime
    ) -> None:
        if verdict.live is None:
            return
        async with self._database.write() as connection:
            now = (await self._models.live(connection, workspace, [kind])).get(kind)
            if _until(now) != _until(live):  # somebody else learnt in between
                return
            await self._models.change(connection, workspace, kind, verdict, at=at)
            begins = POLICIES[kind].threshold
            thresholds = self._judgements.thresholds
            if (
                verdict.live.model is None
                or (await thresholds.current(connection, workspace))[kind] <= begins
            ):
                return
            await thresholds.change(
                connection, workspace, kind, begins, who=TUNED, because=because(verdict), at=at
            )


def _until(live: Live | None) -> datetime | None:
    return None if live is None else live.learnt_until
